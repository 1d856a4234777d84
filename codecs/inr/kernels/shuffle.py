"""GELU and pixel shuffle in one pass, forwards and backwards.

As separate operators, these two take as much time in NeRV-S at 1280x720 as the convolutions between them. Two facts
allow one cheap pass on the CPU. If the channels of a convolution have the order (row, column, channel), the shuffle
moves whole runs of a channels-last tensor. And bfloat16 has only 65,536 values, so that a table holds GELU of each, and
another its derivative.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .bfloat16 import Words, to_float, to_word, words


def shuffle(x: Tensor, stride: int) -> Tensor:
    """Pixel shuffle: (B, stride * stride * C, H, W) becomes (B, C, stride * H, stride * W).

    Each position becomes a square of ``stride`` by ``stride`` pixels. Its channel (i * stride + j) * C + c goes to
    row i, column j and channel c of the square. Shi et al. (2016) have the channels in another order.
    """
    batch, channels, height, width = x.shape
    squares = x.permute(0, 2, 3, 1).reshape(batch, height, width, stride, -1).transpose(2, 3)
    return squares.reshape(batch, height * stride, width * stride, channels // stride**2).permute(0, 3, 1, 2)


def gelu_shuffle(x: Tensor, stride: int) -> Tensor:
    """GELU of ``x``, then `shuffle` of that. The shapes are those of `shuffle`."""
    if x.device.type == "cpu" and x.dtype == torch.bfloat16:
        out: Tensor = _GELUShuffle.apply(x, stride)  # type: ignore[no-untyped-call]
        return out
    return shuffle(functional.gelu(x), stride)


class _GELUShuffle(torch.autograd.Function):
    """`gelu_shuffle` of bfloat16 on the CPU, by the tables."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: int) -> Tensor:
        batch, channels, height, width = x.shape
        x = x.permute(0, 2, 3, 1).contiguous()
        out = x.new_empty(batch, height * stride, width * stride, channels // stride**2)
        runs = (batch * height, width, stride, channels // stride)
        gelu, _ = _tables()
        _forward(words(x).reshape(runs), gelu, words(out).reshape(runs[0], stride, width, -1))
        ctx.save_for_backward(x)
        ctx.runs = runs
        return out.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        (x,), runs = ctx.saved_tensors, ctx.runs
        incoming = upstream[0].to(x.dtype).permute(0, 2, 3, 1).contiguous()
        gradient = torch.empty_like(x)
        shuffled = words(incoming).reshape(runs[0], runs[2], runs[1], -1)
        _, derivative = _tables()
        _backward(words(x).reshape(runs), shuffled, derivative, words(gradient).reshape(runs))
        return gradient.permute(0, 3, 1, 2), None


@functools.cache
def _tables() -> tuple[Words, NDArray[np.float32]]:
    """GELU of every bfloat16, as bfloat16, and its derivative, as float32. The index is the bits of the bfloat16."""
    x = torch.arange(1 << 16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16).float()
    cdf = torch.special.ndtr(x)
    density = torch.exp(-x.square() / 2) / (2 * torch.pi) ** 0.5
    slope = torch.where(x.isinf(), (x > 0).float(), cdf + x * density)
    gelu = torch.where(x == -torch.inf, 0, x * cdf)
    return words(gelu.bfloat16()), slope.numpy()


@njit(parallel=True, cache=True)
def _forward(x: Words, gelu: Words, out: Words) -> None:  # pragma: no cover
    """Write GELU of ``x``, of shape (rows, width, stride, run), to ``out``, of shape (rows, stride, width, run)."""
    rows, width, stride, run = x.shape
    for job in prange(rows * stride):
        row, i = job // stride, job % stride
        for column in range(width):
            for k in range(run):
                out[row, i, column, k] = gelu[x[row, column, i, k]]


@njit(parallel=True, cache=True)
def _backward(x: Words, incoming: Words, slope: NDArray[np.float32], gradient: Words) -> None:  # pragma: no cover
    """Write the gradient by ``x`` to ``gradient``, in the shape of ``x``. ``incoming`` is the gradient of the output,
    in the shape of ``out`` in `_forward`."""
    rows, width, stride, run = x.shape
    for job in prange(rows * stride):
        row, i = job // stride, job % stride
        for column in range(width):
            for k in range(run):
                value = to_float(incoming[row, i, column, k]) * slope[x[row, column, i, k]]
                gradient[row, column, i, k] = to_word(value)
