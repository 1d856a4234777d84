"""Instance normalisation with a scale and a shift for each channel (Ulyanov et al., 2016).

In bfloat16 on the CPU, the forward and the backward step are two compiled passes each. The first sums up every channel;
the second does one multiply-add for each sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .bfloat16 import Words, to_float, to_word, words

EPSILON = 1e-5
"""What is added to variances, so that a flat channel is not divided by zero."""
Floats = NDArray[np.float32]


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor, training: bool) -> Tensor:
    """Bring each channel of each picture of ``x``, of shape (B, C, H, W), to mean 0 and variance 1, then multiply by
    ``scale`` and add ``shift``, both of shape (B or 1, C). ``training`` says that gradients will be asked for."""
    if x.device.type == "cpu" and x.dtype == torch.bfloat16:
        shape = (len(x), -1)
        fused: Tensor = _Fused.apply(x, scale.float().expand(shape), shift.float().expand(shape))  # type: ignore[no-untyped-call]
        return fused
    scale, shift = scale[..., None, None], shift[..., None, None]
    if not training:
        return functional.instance_norm(x, eps=EPSILON) * scale + shift
    # In training, statistics are computed apart: on the CPU, the gradients of torch 2.13's instance_norm are wrong if
    # the gradients of its output are channels-last.
    variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0, keepdim=True)
    return (x - mean) * (variance + EPSILON).rsqrt() * scale + shift


class _Fused(torch.autograd.Function):
    """`instance_norm` by the compiled passes. ``x`` is bfloat16; ``scale`` and ``shift`` are float32, (B, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1).contiguous()
        rows = words(x).reshape(-1, x.shape[2], x.shape[3])
        mean, square = _means(_sums(rows, rows), x.shape)
        inverse = 1 / np.sqrt(np.maximum(square - mean**2, 0) + EPSILON)
        gain = scale.detach().numpy() * inverse
        zeros = np.zeros_like(gain, np.float32)
        out = torch.empty_like(x)
        offset = shift.detach().numpy() - mean * gain
        _combine(rows, rows, gain.astype(np.float32), zeros, offset.astype(np.float32), words(out).reshape(rows.shape))
        ctx.save_for_backward(x, scale)
        ctx.statistics = mean, inverse
        return out.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients by ``x``, ``scale`` and ``shift``. With the gradient g of the output and
        n = (x - mean) * inverse, the gradient by x is scale * inverse * (g - mean(g) - n * mean(g n))."""
        x, scale = ctx.saved_tensors
        mean, inverse = ctx.statistics
        incoming = upstream[0].to(x.dtype).permute(0, 2, 3, 1).contiguous()
        shape = (-1, x.shape[2], x.shape[3])
        rows, gradients = words(x).reshape(shape), words(incoming).reshape(shape)
        mean_g, mean_gx = _means(_sums(gradients, rows), x.shape)
        mean_gn = (mean_gx - mean * mean_g) * inverse
        factor_g = scale.numpy() * inverse
        factor_x = -factor_g * inverse * mean_gn
        offset = -factor_g * mean_g - factor_x * mean
        out = torch.empty_like(x)
        factor_g, factor_x, offset = (values.astype(np.float32) for values in (factor_g, factor_x, offset))
        _combine(gradients, rows, factor_g, factor_x, offset, words(out).reshape(shape))
        pixels = x.shape[1] * x.shape[2]
        return (
            out.permute(0, 3, 1, 2),
            torch.from_numpy((pixels * mean_gn).astype(np.float32)),
            torch.from_numpy((pixels * mean_g).astype(np.float32)),
        )


def _means(sums: Floats, shape: torch.Size) -> NDArray[np.float64]:
    """The two means over each picture, of shape (2, B, C), from the two sums of each row of `_sums`. ``shape`` is
    (B, H, W, C)."""
    batch, height, width, channels = shape
    means: NDArray[np.float64] = sums.reshape(batch, height, 2, channels).sum(1, dtype=np.float64) / (height * width)
    return means.transpose(1, 0, 2)


@njit(parallel=True, fastmath=True, cache=True)
def _sums(a: Words, b: Words) -> Floats:  # pragma: no cover
    """The sums of ``a`` and of ``a * b`` over each row and channel of (rows, width, channels), of shape
    (rows, 2, channels)."""
    rows, width, channels = a.shape
    out = np.zeros((rows, 2, channels), np.float32)
    for row in prange(rows):
        for column in range(width):
            for k in range(channels):
                value = to_float(a[row, column, k])
                out[row, 0, k] += value
                out[row, 1, k] += value * to_float(b[row, column, k])
    return out


@njit(parallel=True, fastmath=True, cache=True)
def _combine(
    a: Words, b: Words, factor_a: Floats, factor_b: Floats, offset: Floats, out: Words
) -> None:  # pragma: no cover
    """Write a * factor_a + b * factor_b + offset to ``out``. ``a``, ``b`` and ``out`` are (rows, width, channels);
    the factors and the offset are (pictures, channels)."""
    rows, width, channels = a.shape
    height = rows // len(offset)
    for row in prange(rows):
        picture = row // height
        for column in range(width):
            for k in range(channels):
                value = to_float(a[row, column, k]) * factor_a[picture, k] + offset[picture, k]
                out[row, column, k] = to_word(value + to_float(b[row, column, k]) * factor_b[picture, k])
