"""The named ways to turn float weights into bits. Codecs should be compared under one and the same of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cabac import CabacDecoder, Quantiser
from .coder import CoderName, WeightDecoder
from .minmax import MinMaxDecoder
from .quantise import HIGH_RATE_SLOPE

WeightsName = Literal["tuned", "trellis", "rdoq", "sensitivity", "paper", "huffman"]
StepRule = Literal["range", "sensitivity"]


@dataclass(frozen=True)
class WeightCoding:
    """A way to turn float weights into bits. Each of ``slopes``, which `quantise` explains, is tried, and the best
    result stays. ``tuned`` says that the network is trained further with quantised weights."""

    coder: CoderName
    step_rule: StepRule
    quantiser: Quantiser
    slopes: tuple[float, ...] = (0.0,)
    tuned: bool = False

    def step_scale(self, bits: float) -> float:
        """The factor of all step sizes with which a weight has ``bits`` bits. Only step sizes by range have one."""
        return 2.0**-bits if self.coder == "huffman" else 1 / (2 ** (bits - 1) - 1)


SLOPES = (0.05 * HIGH_RATE_SLOPE, 0.2 * HIGH_RATE_SLOPE, 0.5 * HIGH_RATE_SLOPE)
WEIGHT_CODINGS: dict[WeightsName, WeightCoding] = {
    # This one adds quantisation-aware training.
    "tuned": WeightCoding("deepcabac", "sensitivity", "nearest", tuned=True),
    "trellis": WeightCoding("dependent", "sensitivity", "trellis", SLOPES),
    "rdoq": WeightCoding("deepcabac", "sensitivity", "rdoq", SLOPES),
    "sensitivity": WeightCoding("deepcabac", "sensitivity", "nearest"),
    # This is DeepCABAC as published: a range for each tensor, and RDOQ (Wiedemann et al. 2020, section IV).
    "paper": WeightCoding("deepcabac", "range", "rdoq", SLOPES),
    # This is the pipeline of the NeRV paper.
    "huffman": WeightCoding("huffman", "range", "nearest"),
}
DECODERS: dict[CoderName, WeightDecoder] = {
    "deepcabac": CabacDecoder(dependent=False),
    "dependent": CabacDecoder(dependent=True),
    "huffman": MinMaxDecoder(),
}
