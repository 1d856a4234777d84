"""The training loss, of L1 and structural similarity (SSIM; Wang et al., 2004), with its gradient.

On the CPU, a compiled pass over each picture computes both, six times as fast as automatic differentiation through
blurred maps. On a GPU, torch and pytorch-msssim do. Their values agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_msssim
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

Planes = NDArray[np.float32]

TAPS = 11
"""The side of the Gaussian window in pixels."""
SIGMA = 1.5
"""The standard deviation of the Gaussian window in pixels."""
C1 = np.float32(0.01**2)
C2 = np.float32(0.03**2)


def loss_and_error(picture: Tensor, target: Tensor, l1_weight: float, ssim_weight: float) -> tuple[Tensor, Tensor]:
    """The loss ``l1_weight`` * L1 + ``ssim_weight`` * (1 - SSIM), and the mean squared error of each picture, (B,).

    ``picture`` and ``target`` are (B, C, H, W), with values in [0, 1]. The loss is differentiable by ``picture``. SSIM
    is the mean over all places where its 11x11 window lies inside the picture, so both sides must be at least 11.
    """
    if picture.device.type == "cpu":
        fused: tuple[Tensor, Tensor] = _FusedLoss.apply(picture, target, l1_weight, ssim_weight)  # type: ignore[no-untyped-call]
        return fused
    return by_torch(picture, target, l1_weight, ssim_weight)


def by_torch(picture: Tensor, target: Tensor, l1_weight: float, ssim_weight: float) -> tuple[Tensor, Tensor]:
    """`loss_and_error` by torch's own operators, on any device."""
    difference = picture - target
    similarity = pytorch_msssim.ssim(picture, target, data_range=1)
    loss = l1_weight * difference.abs().mean() + ssim_weight * (1 - similarity)
    return loss, difference.detach().square().mean((1, 2, 3))


class _FusedLoss(torch.autograd.Function):
    """`loss_and_error` by the compiled pass, which computes the gradient already in the forward step."""

    @staticmethod
    def forward(
        ctx: Any, picture: Tensor, target: Tensor, l1_weight: float, ssim_weight: float
    ) -> tuple[Tensor, Tensor]:
        x, y = (t.detach().float().contiguous().flatten(0, 1).numpy() for t in (picture, target))
        gradient = np.empty_like(x)
        weights = np.float32(l1_weight), np.float32(ssim_weight)
        similarity, distances, errors = _loss_and_gradient(x, y, _window(), *weights, gradient)
        ctx.save_for_backward(torch.from_numpy(gradient).view(picture.shape))
        squared_error = picture.new_tensor(errors.reshape(len(picture), -1).mean(1))
        ctx.mark_non_differentiable(squared_error)
        return picture.new_tensor(l1_weight * distances.mean() + ssim_weight * (1 - similarity)), squared_error

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0], None, None, None


def _window() -> Planes:
    """A one-dimensional Gaussian of `TAPS` values, whose sum is 1."""
    taps = np.exp(-((np.arange(TAPS) - TAPS // 2) ** 2) / (2 * SIGMA**2))
    return np.asarray(taps / taps.sum(), np.float32)


@njit(parallel=True, fastmath=True, cache=True, error_model="numpy")
def _loss_and_gradient(
    x: Planes, y: Planes, window: Planes, l1_weight: np.float32, ssim_weight: np.float32, gradient: Planes
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:  # pragma: no cover
    """The mean SSIM of planes (P, H, W), and the mean absolute and the mean squared error of each plane, (P,). The
    derivative of the whole loss by ``x`` is written to ``gradient``, (P, H, W).

    With the blurred maps a = G x, b = G y, s = G (x^2 + y^2) and p = G (x y), SSIM is
    (2ab + C1)(2(p - ab) + C2) / ((a^2 + b^2 + C1)(s - a^2 - b^2 + C2)). From its derivatives da, ds and dp by a, s and
    p, blurred by the transpose G', follows the derivative by x: G'(da) + 2 x G'(ds) + y G'(dp).
    """
    planes, height, width = x.shape
    rows, columns = height - TAPS + 1, width - TAPS + 1
    scale = np.float32(1.0 / (planes * rows * columns))
    da = np.empty((planes, rows, columns), np.float32)
    ds = np.empty_like(da)
    dp = np.empty_like(da)
    sums = np.zeros(planes * rows, np.float64)
    distances = np.zeros((planes, height), np.float64)
    errors = np.zeros((planes, height), np.float64)
    l1_slope = l1_weight / np.float32(planes * height * width)

    for job in prange(planes * rows):
        plane, row = job // rows, job % rows
        down = np.zeros((4, width), np.float32)
        for k in range(TAPS):
            weight = window[k]
            for j in range(width):
                xj, yj = x[plane, row + k, j], y[plane, row + k, j]
                down[0, j] += weight * xj
                down[1, j] += weight * yj
                down[2, j] += weight * (xj * xj + yj * yj)
                down[3, j] += weight * (xj * yj)
        maps = np.zeros((4, columns), np.float32)
        for k in range(TAPS):
            weight = window[k]
            for j in range(columns):
                for m in range(4):
                    maps[m, j] += weight * down[m, j + k]
        total = np.float32(0)
        for j in range(columns):
            a, b, s, p = maps[0, j], maps[1, j], maps[2, j], maps[3, j]
            ab, squares = a * b, a * a + b * b
            luminance, structure = 2 * ab + C1, 2 * (p - ab) + C2
            below_luminance, below_structure = squares + C1, s - squares + C2
            inverse = np.float32(1) / (below_luminance * below_structure)
            value = luminance * structure * inverse
            total += value
            da[plane, row, j] = (
                2 * scale * inverse * (b * (structure - luminance) - value * a * (below_structure - below_luminance))
            )
            ds[plane, row, j] = -scale * value / below_structure
            dp[plane, row, j] = 2 * scale * luminance * inverse
        sums[job] = total

    for job in prange(planes * height):
        plane, i = job // height, job % height
        up = np.zeros((3, columns), np.float32)
        for k in range(TAPS):
            row = i - k
            if 0 <= row < rows:
                weight = window[k]
                for j in range(columns):
                    up[0, j] += weight * da[plane, row, j]
                    up[1, j] += weight * ds[plane, row, j]
                    up[2, j] += weight * dp[plane, row, j]
        back = np.zeros((3, width), np.float32)
        for k in range(TAPS):
            weight = window[k]
            for j in range(columns):
                for m in range(3):
                    back[m, j + k] += weight * up[m, j]
        distance, error = np.float32(0), np.float32(0)
        for j in range(width):
            xj, yj = x[plane, i, j], y[plane, i, j]
            difference = xj - yj
            distance += abs(difference)
            error += difference * difference
            similarity = back[0, j] + 2 * xj * back[1, j] + yj * back[2, j]
            gradient[plane, i, j] = l1_slope * np.sign(difference) - ssim_weight * similarity
        distances[plane, i], errors[plane, i] = distance, error
    mean: float = sums.sum() * scale
    return mean, distances.sum(1) / (height * width), errors.sum(1) / (height * width)
