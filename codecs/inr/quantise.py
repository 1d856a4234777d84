"""Real weights to integers and back: uniform reconstruction, one step for each tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import CodecError

from .representation import NamedTensor, TensorKind

BIAS_BITS = 8
"""Biases are few, and coarse ones shift whole channels."""


@dataclass(frozen=True)
class QuantisedTensor:
    """``integers`` times ``step`` (a float32) are the values that a decoder works with."""

    kind: TensorKind
    integers: NDArray[np.int32]
    step: float


def quantise(tensor: NamedTensor, bits: int) -> QuantisedTensor:
    """Round to the nearest multiple of max|w| / (2^(bits - 1) - 1); symmetric, so zero stays zero.

    Raises `CodecError` on weights that are not finite.
    """
    values = tensor.values.detach().float().cpu().numpy()
    if not np.isfinite(values).all():
        raise CodecError(f"The trained network's {tensor.name} is not finite: training diverged. Lower the rate.")
    levels = 2 ** ((BIAS_BITS if tensor.kind == "bias" else bits) - 1) - 1
    step = np.float32(np.abs(values).max(initial=0) / levels)
    if step == 0:
        return QuantisedTensor(tensor.kind, np.zeros(values.shape, np.int32), 0.0)
    return QuantisedTensor(tensor.kind, np.rint(values / step).astype(np.int32), float(step))


def dequantise(tensor: QuantisedTensor) -> Tensor:
    """The float32 values that ``tensor`` stands for."""
    return torch.from_numpy(tensor.integers.astype(np.float32) * np.float32(tensor.step))
