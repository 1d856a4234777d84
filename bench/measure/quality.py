"""All metrics of decoded frames against a clip, measured frame by frame in one pass."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from ..dataset import Clip
from ..records.record import Quality
from ..video import colour
from ..video.raw import Frame, RawVideo
from ..video.reference import reference_rgb
from . import ms_ssim
from .psnr import mean_squared_error, psnr
from .regions import RegionErrors, region_errors, region_psnr, transient_pixels
from .side_by_side import side_by_side


def measure_quality(clip: Clip, decoded: RawVideo) -> Quality:
    """Compare ``decoded`` with ``clip`` both in RGB and in the clip's YUV format.

    ``decoded`` is in one of these two formats (`colour.rounded`), and is converted to the other by the conversion that
    made the ground truth. An RGB decoder loses chroma resolution by that, as it would on the way to a screen. Memory
    does not grow with the length of the clip. Raises `DecodeError` if a file holds more or less than its format says,
    and `ToolError` if ffmpeg fails.
    """
    no_ms_ssim = ms_ssim.missing(clip.rgb.format)

    # Where the reference conversion made the ground truth bit for bit, it gives the same RGB of the decoded frames as
    # ffmpeg, without a pipe.
    by_reference = clip.rgb_difference is not None and not clip.rgb_difference.largest
    by_reference &= decoded.format.pixel_format != "rgb24"

    def measure(
        frame: tuple[int, list[Frame], list[Frame], list[Frame], list[Frame]],
    ) -> tuple[list[float], list[float], RegionErrors, float]:
        index, (rgb,), decoded_rgb, yuv, decoded_yuv = frame
        if by_reference:
            shown = reference_rgb(decoded_yuv, clip.yuv.format.subsampling, clip.matrix)
        else:
            (shown,) = decoded_rgb
        by_region = region_errors(rgb, shown, transient_pixels(clip.yuv, index))
        rgb_error = by_region.mean_squared_error if by_region.total_samples else mean_squared_error(rgb, shown)
        similarity = np.nan if no_ms_ssim else ms_ssim.ms_ssim(rgb, shown)
        yuv_errors = [mean_squared_error(a, b) for a, b in zip(yuv, decoded_yuv, strict=True)]
        return [rgb_error], yuv_errors, by_region, similarity

    videos = (
        clip.rgb.read_frames(),
        repeat([], clip.yuv.format.frames) if by_reference else colour.converted_frames(decoded, "rgb24", clip.matrix),
        clip.yuv.read_frames(),
        colour.converted_frames(decoded, clip.yuv.format.pixel_format, clip.matrix),
    )
    measured = side_by_side(measure, zip(range(clip.yuv.format.frames), *videos, strict=True))
    rgb_errors, yuv_errors, errors_by_region, similarities = zip(*measured, strict=True)
    in_rgb, in_yuv = psnr(np.array(rgb_errors), clip.rgb.format), psnr(np.array(yuv_errors), clip.yuv.format)
    by_region = region_psnr(errors_by_region)
    values = in_rgb.clip | in_yuv.clip | by_region.clip
    by_frame: dict[str, list[float | None]] = {name: [*each] for name, each in (in_rgb.frames | in_yuv.frames).items()}
    by_frame |= by_region.frames
    if no_ms_ssim is not None:
        return Quality(
            values, by_frame, by_region.missing | dict.fromkeys(("ms_ssim_rgb", "ms_ssim_rgb_db"), no_ms_ssim)
        )
    by_frame["ms_ssim_rgb"] = list(similarities)
    values["ms_ssim_rgb"] = float(np.mean(similarities))
    values["ms_ssim_rgb_db"] = ms_ssim.in_decibels(values["ms_ssim_rgb"])
    return Quality(values, by_frame, by_region.missing)
