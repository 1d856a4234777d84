"""The peak signal-to-noise ratio (PSNR) of integer frames, in each of the ways that papers compute it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..video.raw import Frame, VideoFormat

CAP_DB = 100.0
"""The PSNR in dB that identical frames count as, so that means stay finite."""


def psnr_from_mse(mse: float, peak: int = 255) -> float:
    """10 log10(peak^2 / MSE) in dB, at most `CAP_DB`."""
    return min(10 * math.log10(peak**2 / mse), CAP_DB) if mse > 0 else CAP_DB


def mean_squared_error(a: Frame, b: Frame) -> float:
    """The mean squared error over all samples of two integer arrays of the same shape. The sum is exact."""
    return int(_squared_error(a.reshape(-1), b.reshape(-1))) / a.size


@njit(nogil=True, cache=True)
def _squared_error(a: Frame, b: Frame) -> np.int64:  # pragma: no cover
    total = np.int64(0)
    for i in range(a.size):
        difference = np.int64(a[i]) - np.int64(b[i])
        total += difference * difference
    return total


@dataclass(frozen=True)
class PSNR:
    """PSNRs in dB by metric name: ``clip`` has those of the whole clip, ``frames`` a list with one for each frame."""

    clip: dict[str, float]
    frames: dict[str, list[float]]


def psnr(errors: NDArray[np.float64], form: VideoFormat) -> PSNR:
    """The PSNRs that follow from ``errors``, the mean squared error of each plane of each frame, of shape
    (frames, planes).

    RGB gives ``psnr_rgb``, the mean over all frames of each frame's PSNR (the papers of the implicit codecs report
    it), and ``apsnr_rgb``, the PSNR of the mean squared error over the whole clip. YUV gives both for each plane, and
    ``psnr_yuv_611`` and ``apsnr_yuv_611``: (6 Y + U + V) / 8 of the planes' PSNRs.
    """
    by_frame: dict[str, list[float]] = {}
    clip: dict[str, float] = {}
    for plane, column in zip(form.planes, errors.T, strict=True):
        by_frame[f"psnr_{plane}"] = [psnr_from_mse(error, form.peak) for error in column]
        clip[f"psnr_{plane}"] = float(np.mean(by_frame[f"psnr_{plane}"]))
        clip[f"apsnr_{plane}"] = psnr_from_mse(float(column.mean()), form.peak)
    if len(form.planes) == 3:
        for kind in ("psnr", "apsnr"):
            clip[f"{kind}_yuv_611"] = (6 * clip[f"{kind}_y"] + clip[f"{kind}_u"] + clip[f"{kind}_v"]) / 8
    return PSNR(clip, by_frame)
