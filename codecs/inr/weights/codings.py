"""The named ways from float weights to bits. Codecs are compared under one of them."""

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
    """``slopes`` (`quantise`) are tried in turn; the best stays."""

    coder: CoderName
    steps: StepRule
    quantiser: Quantiser
    slopes: tuple[float, ...] = (0.0,)
    tuned: bool = False

    def step_scale(self, bits: float) -> float:
        """The factor of the steps at which a weight has so many bits. For steps by range only."""
        return 2.0**-bits if self.coder == "huffman" else 1 / (2 ** (bits - 1) - 1)


SLOPES = (0.05 * HIGH_RATE_SLOPE, 0.2 * HIGH_RATE_SLOPE, 0.5 * HIGH_RATE_SLOPE)
WEIGHT_CODINGS: dict[WeightsName, WeightCoding] = {
    # Quantisation-aware training for the last epochs.
    "tuned": WeightCoding("deepcabac", "sensitivity", "nearest", tuned=True),
    "trellis": WeightCoding("dependent", "sensitivity", "trellis", SLOPES),
    "rdoq": WeightCoding("deepcabac", "sensitivity", "rdoq", SLOPES),
    "sensitivity": WeightCoding("deepcabac", "sensitivity", "nearest"),
    # DeepCABAC as published: a range for each tensor, and RDOQ (Wiedemann et al. 2020, section IV).
    "paper": WeightCoding("deepcabac", "range", "rdoq", SLOPES),
    # What the NeRV paper did.
    "huffman": WeightCoding("huffman", "range", "nearest"),
}
DECODERS: dict[CoderName, WeightDecoder] = {
    "deepcabac": CabacDecoder(dependent=False),
    "dependent": CabacDecoder(dependent=True),
    "huffman": MinMaxDecoder(),
}
