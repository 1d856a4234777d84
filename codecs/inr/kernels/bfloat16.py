"""bfloat16 tensors in compiled loops. numba has no such type, so the loops convert 16-bit words themselves."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint16]
"""The bits of bfloat16 values."""


def words(x: Tensor) -> Words:
    """The bits of a contiguous bfloat16 tensor, in its shape. The array shares the tensor's memory."""
    bits: Words = x.detach().view(torch.uint16).numpy()
    return bits


@njit(inline="always")
def to_float(word: np.uint16) -> np.float32:  # pragma: no cover
    """The float32 with the value of a bfloat16, which always exists."""
    value: np.float32 = np.uint32(np.uint32(word) << np.uint32(16)).view(np.float32)
    return value


@njit(inline="always")
def to_word(value: np.float32) -> np.uint16:  # pragma: no cover
    """The bfloat16 nearest to ``value``; of two equally near ones, the one whose last bit is 0."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))
