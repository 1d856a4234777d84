"""Multi-scale structural similarity (MS-SSIM; Wang et al., 2003) of 8-bit RGB frames.

The values are those of pytorch-msssim, which computes them on a GPU. On the CPU, a compiled pass over the interleaved
samples gives equal values ten times as fast, since it blurs row by row instead of whole pictures. It releases the
interpreter's lock, so that several frames are measured at once.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..video.raw import Frame, VideoFormat

SMALLEST_SIDE = 161
"""The least side of a picture in pixels: five scales of a window of 11 taps need more than (11 - 1) * 2^4."""
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The weight of each scale, the finest first (Wang et al., section 3.2)."""
TAPS = 11
"""The side of the Gaussian window in pixels."""
SIGMA = 1.5
"""The standard deviation of the Gaussian window in pixels."""
C1 = np.float32(0.01**2)
C2 = np.float32(0.03**2)
TWO = np.float32(2)

Picture = NDArray[np.float32]
"""Interleaved samples in [0, 1], of shape (rows, columns * channels)."""


def missing(form: VideoFormat) -> str | None:
    """Why MS-SSIM is not defined for frames of this size; None if it is."""
    side = min(form.width, form.height)
    if side >= SMALLEST_SIDE:
        return None
    return f"five scales need a side of at least {SMALLEST_SIDE} pixels; this one has {side}"


def ms_ssim(source: Frame, decoded: Frame) -> float:
    """The MS-SSIM, at most 1, of two 8-bit frames of shape (rows, columns, channels): the mean over their channels.

    It has five scales, a data range of 1 and a window of 11 taps with sigma 1.5, only where the window lies inside the
    picture. Both sides must have at least `SMALLEST_SIDE` pixels.
    """
    return _by_torch(source, decoded) if _has_gpu() else _by_rows(source, decoded)


def in_decibels(ms_ssim: float) -> float:
    """An MS-SSIM in dB: -10 log10(1 - MS-SSIM), at most 100. Values near 1 are easier to compare in this way."""
    return min(-10 * math.log10(max(1 - ms_ssim, 1e-10)), 100.0)


@functools.cache
def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _by_torch(source: Frame, decoded: Frame) -> float:
    """`ms_ssim` by pytorch-msssim, on the GPU if there is one."""
    import pytorch_msssim
    import torch

    device = "cuda" if _has_gpu() else "cpu"
    pictures = [torch.tensor(frame, device=device).permute(2, 0, 1)[None] / 255 for frame in (source, decoded)]
    # TF32, in which GPUs compute convolutions by default, has ten bits of mantissa: too few for the variances.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return float(pytorch_msssim.ms_ssim(*pictures, data_range=1, size_average=True))


def _by_rows(source: Frame, decoded: Frame) -> float:
    """`ms_ssim` by the compiled pass, on the CPU."""
    channels = source.shape[2]
    x, y = (np.divide(frame.reshape(len(frame), -1), 255, dtype=np.float32) for frame in (source, decoded))
    similarity = np.ones(channels)
    for scale, weight in enumerate(WEIGHTS):
        last = scale == len(WEIGHTS) - 1
        structure, whole = _similarity(x, y, _window(), channels)
        similarity *= np.maximum(whole if last else structure, 0) ** weight
        if not last:
            x, y = _halved(x, channels), _halved(y, channels)
    return float(similarity.mean())


@functools.cache
def _window() -> NDArray[np.float32]:
    """A one-dimensional Gaussian of `TAPS` values, whose sum is 1."""
    taps = np.exp(-((np.arange(TAPS) - TAPS // 2) ** 2) / (2 * SIGMA**2))
    return np.asarray(taps / taps.sum(), np.float32)


@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _similarity(
    x: Picture, y: Picture, window: NDArray[np.float32], channels: int
) -> NDArray[np.float64]:  # pragma: no cover
    """The means of contrast-structure and of SSIM for each channel, of shape (2, channels).

    Every loop over samples runs along a whole interleaved row, so that the compiler vectorises it. Neighbours in one
    channel are ``channels`` samples apart. The four maps are the blurred x, y, x^2 + y^2 and xy.
    """
    height, width = x.shape
    rows, columns = height - TAPS + 1, width - (TAPS - 1) * channels
    down = np.empty((4, width), np.float32)
    maps = np.empty((4, columns), np.float32)
    structure, whole = np.empty(columns, np.float32), np.empty(columns, np.float32)
    sums = np.zeros((2, channels), np.float64)
    for row in range(rows):
        down[:] = 0
        for k in range(TAPS):
            weight = window[k]
            for i in range(width):
                xi, yi = x[row + k, i], y[row + k, i]
                down[0, i] += weight * xi
                down[1, i] += weight * yi
                down[2, i] += weight * (xi * xi + yi * yi)
                down[3, i] += weight * (xi * yi)
        maps[:] = 0
        for m in range(4):
            for k in range(TAPS):
                weight = window[k]
                for i in range(columns):
                    maps[m, i] += weight * down[m, i + k * channels]
        for i in range(columns):
            a, b, s, p = maps[0, i], maps[1, i], maps[2, i], maps[3, i]
            product, squares = a * b, a * a + b * b
            structure[i] = (TWO * (p - product) + C2) / (s - squares + C2)
            whole[i] = structure[i] * (TWO * product + C1) / (squares + C1)
        for i in range(columns):
            sums[0, i % channels] += structure[i]
            sums[1, i % channels] += whole[i]
    sums /= rows * (columns // channels)
    return sums


@njit(nogil=True, fastmath=True, cache=True, error_model="numpy")
def _halved(x: Picture, channels: int) -> Picture:  # pragma: no cover
    """A picture of half the size, whose pixels are the means of 2x2 pixels of ``x``.

    An odd side is padded with zeros at both ends first, as in pytorch-msssim: its first pixel is paired with a zero,
    and its last with the pixel before.
    """
    height, columns = x.shape[0], x.shape[1] // channels
    above, left = height % 2, columns % 2
    rows, halved_columns = (height + 2 * above) // 2, (columns + 2 * left) // 2
    half = np.zeros((rows, halved_columns * channels), np.float32)
    for row in range(rows):
        for i in range(max(0, 2 * row - above), min(height, 2 * row - above + 2)):
            for j in range(columns):
                for channel in range(channels):
                    half[row, (j + left) // 2 * channels + channel] += x[i, j * channels + channel]
    return half * np.float32(0.25)
