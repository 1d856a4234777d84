"""Step sizes of the quantiser: one for each tensor, or for each index along one of a tensor's axes.

In a stream, a step size is ``base``, a float32 that all of a network share, times 2^((exponent - 128) / 16), with an
exponent of 8 bits. So the step sizes of a network span 16 octaves, each is within 2.2 % of its ideal, and a search may
change them all through their base.
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
"""The number of exponents in an octave."""
MIDDLE = 128
"""The exponent of a step size that is the base."""
LARGEST_BASE = 1e30
"""A decoder refuses larger bases."""


@dataclass(frozen=True)
class StepSizes:
    """The step sizes of a network's tensors, in the order of the tensors."""

    base: float
    exponents: NDArray[np.uint8]

    def values(self) -> NDArray[np.float32]:
        """All step sizes, of shape (step sizes,)."""
        octaves = (self.exponents.astype(np.float64) - MIDDLE) / OCTAVE
        return (self.base * 2.0**octaves).astype(np.float32)

    def of(self, places: Sequence[TensorPlace]) -> list[NDArray[np.float32]]:
        """The step sizes of each tensor, in a shape that broadcasts to the tensor's."""
        ends = np.cumsum([place.step_size_count for place in places])
        return [
            values.reshape(_broadcast_shape(place))
            for place, values in zip(places, np.split(self.values(), ends[:-1]), strict=True)
        ]

    def times(self, factor: float) -> StepSizes:
        """All step sizes times ``factor``. The base is rounded to float32, as a stream holds it."""
        return replace(self, base=float(np.float32(self.base * factor)))

    def pack(self) -> bytes:
        """The step sizes as bytes, which `unpack` reads."""
        return BASE.pack(self.base) + self.exponents.tobytes()


def unpack(data: bytes, count: int) -> StepSizes:
    """The ``count`` step sizes in bytes that `StepSizes.pack` made. Raises `StreamError` for any other bytes."""
    if len(data) != BASE.size + count:
        raise StreamError(f"The stream is damaged: {len(data)} bytes are not {count} quantisation steps.")
    (base,) = BASE.unpack_from(data)
    if not 0 < base < LARGEST_BASE:
        raise StreamError(f"The stream is damaged: its quantisation steps are multiples of {base}.")
    return StepSizes(base, np.frombuffer(data, np.uint8, offset=BASE.size))


def by_range(tensors: Sequence[SentTensor]) -> StepSizes:
    """Step sizes by range: each is the greatest magnitude of the values that it is for. Divided by 2^(b - 1) - 1, it
    gives values of b bits. Raises `CodecError` for values that are not finite."""
    ranges = [
        [float(np.abs(row).max(initial=0)) for row in _rows(finite_values(tensor), tensor.place)] for tensor in tensors
    ]
    return _relative(ranges, tensors)


def by_sensitivity(tensors: Sequence[SentTensor], sensitivities: Sequence[Tensor]) -> StepSizes:
    """Step sizes by sensitivity: 1 / sqrt(mean sensitivity).

    At high rates, the error of the pictures from a tensor is its sensitivity times the squared step size. With these
    step sizes, a bit more lowers it by the same amount in each tensor.
    """
    means = [
        [float(row.mean()) for row in _rows(sensitivity.double(), tensor.place)]
        for tensor, sensitivity in zip(tensors, sensitivities, strict=True)
    ]
    return _relative([[mean**-0.5 if mean > 0 else 0.0 for mean in rows] for rows in means], tensors)


def _broadcast_shape(place: TensorPlace) -> tuple[int, ...]:
    return tuple(size if axis == place.step_axis else 1 for axis, size in enumerate(place.shape))


def _rows(values: Any, place: TensorPlace) -> list[Any]:
    """The parts of an array or tensor whose values share a step size."""
    if place.step_axis is None:
        return [values]
    return [values[(slice(None),) * place.step_axis + (index,)] for index in range(place.step_size_count)]


def _relative(ideal: Sequence[Sequence[float]], tensors: Sequence[SentTensor]) -> StepSizes:
    """The step sizes nearest to ``ideal``, with the median over all weights as their base.

    An ideal of 0 stands for values without range or sensitivity, for which any step size will do. They get the largest.
    """
    wanted = np.array([size for sizes in ideal for size in sizes])
    known = wanted > 0
    if not known.any():
        return StepSizes(1.0, np.full(len(wanted), MIDDLE, np.uint8))
    counts = [
        np.full(tensor.place.step_size_count, tensor.values.numel() // tensor.place.step_size_count)
        for tensor in tensors
    ]
    weights = np.concatenate(counts)[known]
    order = np.argsort(wanted[known], kind="stable")
    middle = order[np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)]
    base = float(np.float32(wanted[known][middle]))
    octaves = np.log2(np.where(known, wanted, np.inf) / base)
    exponents = np.clip(np.nan_to_num(np.rint(octaves * OCTAVE), posinf=1e9) + MIDDLE, 0, 255)
    return StepSizes(base, exponents.astype(np.uint8))
