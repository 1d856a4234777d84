"""bfloat16 tensors in compiled loops, which know no such type: 16-bit words, turned into floats and back."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Words = NDArray[np.uint16]


def words(x: Tensor) -> Words:
    """The bits of a contiguous bfloat16 tensor."""
    bits: Words = x.detach().view(torch.uint16).numpy()
    return bits


@njit(inline="always")
def to_float(word: np.uint16) -> np.float32:  # pragma: no cover
    value: np.float32 = np.uint32(np.uint32(word) << np.uint32(16)).view(np.float32)
    return value


@njit(inline="always")
def to_word(value: np.float32) -> np.uint16:  # pragma: no cover
    """Rounded to the nearest bfloat16, ties to even."""
    bits = np.float32(value).view(np.uint32)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))
