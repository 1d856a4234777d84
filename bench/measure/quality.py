"""All metrics of decoded frames against a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..dataset import Clip
from ..record import Quality
from ..video import colour
from ..video.raw import RawVideo
from . import ms_ssim
from .psnr import measure_psnr


def measure_quality(clip: Clip, decoded: RawVideo, scratch: Path) -> Quality:
    """Compare in RGB and in YUV, whichever of the two the decoder wrote.

    The other one comes from the conversion that made the ground truth. It costs an RGB decoder
    chroma resolution in its Y, U and V figures, as it would on its way to a screen.
    """
    if decoded.format.pixel_format == "rgb24":
        rgb, yuv = decoded, colour.convert(decoded, "yuv420p", scratch / "measured.yuv")
    else:
        rgb, yuv = colour.convert(decoded, "rgb24", scratch / "measured.rgb"), decoded
    in_rgb, in_yuv = measure_psnr(clip.rgb, rgb), measure_psnr(clip.yuv, yuv)
    values, frames = in_rgb.clip | in_yuv.clip, in_rgb.frames | in_yuv.frames
    reason = ms_ssim.missing(clip.rgb)
    if reason is not None:
        return Quality(values, frames, {"ms_ssim_rgb": reason, "ms_ssim_rgb_db": reason})
    frames["ms_ssim_rgb"] = ms_ssim.frame_ms_ssim(clip.rgb, rgb)
    values["ms_ssim_rgb"] = float(np.mean(frames["ms_ssim_rgb"]))
    values["ms_ssim_rgb_db"] = ms_ssim.in_decibels(values["ms_ssim_rgb"])
    return Quality(values, frames)
