"""Multi-scale structural similarity (Wang et al., 2003) of 8-bit RGB frames, by pytorch-msssim."""

from __future__ import annotations

import math

import pytorch_msssim
import torch
from torch import Tensor

from ..video.raw import Frame, RawVideo

SMALLEST_SIDE = 161
"""Five scales of an 11-tap window need more than (11 - 1) * 2^4 pixels."""


def missing(video: RawVideo) -> str | None:
    """Why MS-SSIM does not exist for frames of this size; None if it does."""
    side = min(video.format.width, video.format.height)
    if side >= SMALLEST_SIDE:
        return None
    return f"five scales need a side of at least {SMALLEST_SIDE} pixels; this one has {side}"


def frame_ms_ssim(source: RawVideo, decoded: RawVideo) -> list[float]:
    """Each frame's MS-SSIM on RGB with data range 1 (window 11, sigma 1.5, five scales)."""
    pairs = zip(source.frames(), decoded.frames(), strict=True)
    with torch.inference_mode():
        return [
            float(pytorch_msssim.ms_ssim(_picture(s[0]), _picture(d[0]), data_range=1, size_average=True))
            for s, d in pairs
        ]


def in_decibels(ms_ssim: float) -> float:
    """-10 log10(1 - MS-SSIM), which spreads what crowds near 1; at most 100."""
    return min(-10 * math.log10(max(1 - ms_ssim, 1e-10)), 100.0)


def _picture(frame: Frame) -> Tensor:
    # Channels-last as it comes from disk: half the time of contiguous maps, the same value.
    return torch.tensor(frame).permute(2, 0, 1).unsqueeze(0) / 255
