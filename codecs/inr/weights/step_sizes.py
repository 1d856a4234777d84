"""Quantisation steps: one for each tensor, each a multiple of one number that a search may move.

On the wire a step is ``base`` (f32) times 2^((exponent - 128) / 16) with an exponent of 8 bits: all
steps of a network within 16 octaves, each as near to its ideal as 2.2 %.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import StreamError

from ..network.representation import NamedTensor
from .coder import finite_values

BASE = struct.Struct("<f")
OCTAVE = 16
MIDDLE = 128
LARGEST_BASE = 1e30


@dataclass(frozen=True)
class StepSizes:
    """The steps of a network's tensors."""

    base: float
    exponents: NDArray[np.uint8]

    def values(self) -> NDArray[np.float32]:
        """The steps themselves, one for each tensor."""
        octaves = (self.exponents.astype(np.float64) - MIDDLE) / OCTAVE
        return (self.base * 2.0**octaves).astype(np.float32)

    def times(self, factor: float) -> StepSizes:
        """All steps larger by ``factor``; the base as its 32 bits hold it."""
        return replace(self, base=float(np.float32(self.base * factor)))

    def pack(self) -> bytes:
        return BASE.pack(self.base) + self.exponents.tobytes()


def unpack(data: bytes, count: int) -> StepSizes:
    """What `Steps.pack` made of ``count`` steps. Raises `StreamError` on anything else."""
    if len(data) != BASE.size + count:
        raise StreamError(f"The stream is damaged: {len(data)} bytes are not the steps of {count} tensors.")
    (base,) = BASE.unpack_from(data)
    if not 0 < base < LARGEST_BASE:
        raise StreamError(f"The stream is damaged: its quantisation steps are multiples of {base}.")
    return StepSizes(base, np.frombuffer(data, np.uint8, offset=BASE.size))


def by_range(tensors: Sequence[NamedTensor]) -> StepSizes:
    """Each tensor's greatest magnitude: divided by 2^(b - 1) - 1, steps that give it b bits."""
    return _relative([float(np.abs(finite_values(tensor)).max(initial=0)) for tensor in tensors], tensors)


def by_sensitivity(tensors: Sequence[NamedTensor], sensitivities: Sequence[Tensor]) -> StepSizes:
    """1 / sqrt(mean sensitivity): at high rates, where a tensor's error is its sensitivity times the
    squared step, a bit then buys as much in each tensor."""
    means = [float(sensitivity.double().mean()) for sensitivity in sensitivities]
    return _relative([mean**-0.5 if mean > 0 else 0.0 for mean in means], tensors)


def _relative(ideal: Sequence[float], tensors: Sequence[NamedTensor]) -> StepSizes:
    """Steps as near to ``ideal`` as can be, around the median over all weights. Zero asks for none in
    particular, and tensors without sensitivity get the longest."""
    wanted = np.array(ideal)
    known = wanted > 0
    if not known.any():
        return StepSizes(1.0, np.full(len(wanted), MIDDLE, np.uint8))
    sizes = np.array([tensor.values.numel() for tensor in tensors])[known]
    order = np.argsort(wanted[known], kind="stable")
    middle = order[np.searchsorted(np.cumsum(sizes[order]), sizes.sum() / 2)]
    base = float(np.float32(wanted[known][middle]))
    octaves = np.log2(np.where(known, wanted, np.inf) / base)
    exponents = np.clip(np.nan_to_num(np.rint(octaves * OCTAVE), posinf=1e9) + MIDDLE, 0, 255)
    return StepSizes(base, exponents.astype(np.uint8))
