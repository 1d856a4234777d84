"""Quantisation steps: one for each tensor, or for each index along one of its axes, each a multiple of one number
that a search may move.

On the wire a step is ``base`` (f32) times 2^((exponent - 128) / 16) with an exponent of 8 bits: all
steps of a network within 16 octaves, each as near to its ideal as 2.2 %.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import StreamError

from ..network.representation import SentTensor, TensorPlace
from .coder import finite_values

BASE = struct.Struct("<f")
OCTAVE = 16
MIDDLE = 128
LARGEST_BASE = 1e30


@dataclass(frozen=True)
class StepSizes:
    """The steps of a network's tensors, those of one tensor after those of another."""

    base: float
    exponents: NDArray[np.uint8]

    def values(self) -> NDArray[np.float32]:
        """The steps themselves."""
        octaves = (self.exponents.astype(np.float64) - MIDDLE) / OCTAVE
        return (self.base * 2.0**octaves).astype(np.float32)

    def of(self, places: Sequence[TensorPlace]) -> list[NDArray[np.float32]]:
        """The steps of each tensor, in a shape that broadcasts to the tensor's."""
        ends = np.cumsum([place.steps for place in places])
        return [
            steps.reshape(_broadcast_shape(place))
            for place, steps in zip(places, np.split(self.values(), ends[:-1]), strict=True)
        ]

    def times(self, factor: float) -> StepSizes:
        """All steps larger by ``factor``; the base as its 32 bits hold it."""
        return replace(self, base=float(np.float32(self.base * factor)))

    def pack(self) -> bytes:
        """The steps as bytes, which `unpack` reads."""
        return BASE.pack(self.base) + self.exponents.tobytes()


def unpack(data: bytes, count: int) -> StepSizes:
    """What `StepSizes.pack` made of ``count`` steps. Raises `StreamError` on anything else."""
    if len(data) != BASE.size + count:
        raise StreamError(f"The stream is damaged: {len(data)} bytes are not {count} quantisation steps.")
    (base,) = BASE.unpack_from(data)
    if not 0 < base < LARGEST_BASE:
        raise StreamError(f"The stream is damaged: its quantisation steps are multiples of {base}.")
    return StepSizes(base, np.frombuffer(data, np.uint8, offset=BASE.size))


def by_range(tensors: Sequence[SentTensor]) -> StepSizes:
    """The greatest magnitude that each step is for: divided by 2^(b - 1) - 1, it is the step that gives b bits."""
    ranges = [
        [float(np.abs(row).max(initial=0)) for row in _rows(finite_values(tensor), tensor.place)] for tensor in tensors
    ]
    return _relative(ranges, tensors)


def by_sensitivity(tensors: Sequence[SentTensor], sensitivities: Sequence[Tensor]) -> StepSizes:
    """1 / sqrt(mean sensitivity): at high rates, where a tensor's error is its sensitivity times the
    squared step, a bit then buys as much in each tensor."""
    means = [
        [float(row.mean()) for row in _rows(sensitivity.double(), tensor.place)]
        for tensor, sensitivity in zip(tensors, sensitivities, strict=True)
    ]
    return _relative([[mean**-0.5 if mean > 0 else 0.0 for mean in rows] for rows in means], tensors)


def _broadcast_shape(place: TensorPlace) -> tuple[int, ...]:
    return tuple(size if axis == place.step_axis else 1 for axis, size in enumerate(place.shape))


def _rows(values: Any, place: TensorPlace) -> list[Any]:
    """The parts of an array or tensor whose values share a step."""
    if place.step_axis is None:
        return [values]
    return [values[(slice(None),) * place.step_axis + (index,)] for index in range(place.steps)]


def _relative(ideal: Sequence[Sequence[float]], tensors: Sequence[SentTensor]) -> StepSizes:
    """Steps as near to ``ideal`` as can be, around the median over all weights. An ideal of zero asks for no step in
    particular; such tensors, which have no sensitivity, get the longest."""
    wanted = np.array([step for steps in ideal for step in steps])
    known = wanted > 0
    if not known.any():
        return StepSizes(1.0, np.full(len(wanted), MIDDLE, np.uint8))
    counts = [np.full(tensor.place.steps, tensor.values.numel() // tensor.place.steps) for tensor in tensors]
    sizes = np.concatenate(counts)[known]
    order = np.argsort(wanted[known], kind="stable")
    middle = order[np.searchsorted(np.cumsum(sizes[order]), sizes.sum() / 2)]
    base = float(np.float32(wanted[known][middle]))
    octaves = np.log2(np.where(known, wanted, np.inf) / base)
    exponents = np.clip(np.nan_to_num(np.rint(octaves * OCTAVE), posinf=1e9) + MIDDLE, 0, 255)
    return StepSizes(base, exponents.astype(np.uint8))
