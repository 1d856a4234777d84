"""Peak signal-to-noise ratio of 8-bit frames, under each of the names that papers call PSNR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..video.raw import Frame, RawVideo

CAP_DB = 100.0
"""What identical frames count as, so that means stay finite. Noted wherever it is reached."""


def psnr_from_mse(mse: float) -> float:
    """10 log10(255^2 / MSE) in dB, at most `CAP_DB`."""
    return min(10 * math.log10(255**2 / mse), CAP_DB) if mse > 0 else CAP_DB


def mean_squared_error(a: Frame, b: Frame) -> float:
    """Over all samples of two 8-bit arrays of one shape, exact."""
    difference = np.subtract(a, b, dtype=np.int16).astype(np.int32)
    return float(np.square(difference, dtype=np.int32).sum(dtype=np.int64) / a.size)


def frame_mse(source: RawVideo, decoded: RawVideo) -> NDArray[np.float64]:
    """The mean squared error of each plane of each frame, of shape (frames, planes)."""
    pairs = zip(source.frames(), decoded.frames(), strict=True)
    rows = [[mean_squared_error(a, b) for a, b in zip(s, d, strict=True)] for s, d in pairs]
    return np.array(rows, dtype=np.float64)


@dataclass(frozen=True)
class PSNR:
    """``clip`` by metric name in dB; ``frames`` the same for each frame."""

    clip: dict[str, float]
    frames: dict[str, list[float]]


def measure_psnr(source: RawVideo, decoded: RawVideo) -> PSNR:
    """Compare two raw videos of one format.

    RGB gives ``psnr_rgb``, the mean over frames of each frame's PSNR (what the implicit codecs'
    papers report), and ``apsnr_rgb``, the PSNR of the mean squared error over the whole clip.
    YUV gives both for each plane, and ``psnr_yuv_611``: (6 Y + U + V) / 8 of the planes' PSNRs.
    """
    mse = frame_mse(source, decoded)
    planes = ["rgb"] if source.format.pixel_format == "rgb24" else ["y", "u", "v"]
    frames: dict[str, list[float]] = {}
    clip: dict[str, float] = {}
    for plane, errors in zip(planes, mse.T, strict=True):
        frames[f"psnr_{plane}"] = [psnr_from_mse(error) for error in errors]
        clip[f"psnr_{plane}"] = float(np.mean(frames[f"psnr_{plane}"]))
        clip[f"apsnr_{plane}"] = psnr_from_mse(float(errors.mean()))
    if len(planes) == 3:
        for kind in ("psnr", "apsnr"):
            clip[f"{kind}_yuv_611"] = (6 * clip[f"{kind}_y"] + clip[f"{kind}_u"] + clip[f"{kind}_v"]) / 8
    return PSNR(clip, frames)
