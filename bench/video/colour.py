"""Conversions between YUV and RGB, by default the one that made the papers' ground truth.

That conversion is swscale's default: BT.601 with limited range, whatever the size of the picture. On x86 it gives the
Bunny frames of the NeRV, HNeRV and E-NeRV repositories bit for bit. BT.709 and BT.2020 are for videos that are tagged
with them; no published figure of an implicit codec was made with them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from . import ffmpeg
from .paths import printable
from .raw import Frame, PixelFormat, RawVideo

Matrix = Literal["bt601", "bt709", "bt2020"]
"""BT.2020 is that of non-constant luminance."""
MATRICES: tuple[Matrix, ...] = get_args(Matrix)
PUBLISHED_MATRIX: Matrix = "bt601"
"""The conversion from YUV to RGB that made the ground truth of published figures."""


@dataclass(frozen=True)
class Difference:
    """How far the 8-bit samples of two videos differ over ``frames`` frames: the largest absolute difference, from 0
    to 255, the mean absolute difference, and the mean squared difference."""

    frames: int
    largest: int
    mean: float
    mean_squared: float

    @property
    def psnr_db(self) -> float:
        """The PSNR in dB that follows from ``mean_squared``; infinite if no sample differs."""
        return 10 * math.log10(255**2 / self.mean_squared) if self.mean_squared else math.inf


def matrix_name(matrix: Matrix) -> str:
    """The name of a conversion as standards print it.

    >>> matrix_name("bt709")
    'BT.709'
    """
    return matrix.replace("bt", "BT.")


def convert(video: RawVideo, pixel_format: PixelFormat, path: Path, matrix: Matrix) -> RawVideo:
    """Write ``video``, converted to ``pixel_format``, to ``path``. Returns the new raw video.

    Raises `ToolError` if ffmpeg fails or gives more or less than all frames, and `OSError`.
    """
    converted = RawVideo(path, dataclasses.replace(video.format, pixel_format=pixel_format))
    output = _converted(video, pixel_format, matrix).output("-", format="rawvideo", pix_fmt=pixel_format)
    ffmpeg.write_frames(output, converted, _task(video, pixel_format))
    return converted


def rounded(video: RawVideo, pixel_format: PixelFormat, path: Path, matrix: Matrix) -> RawVideo:
    """``video`` with the bit depth of the YUV format ``pixel_format``: ``video`` itself if it is RGB or already in
    that format, or else a version rounded to it, in a file at ``path``.

    swscale interpolates chroma of ten bits and repeats chroma of eight. So a decoder's ten bits must be rounded to the
    eight of the source before they become RGB; otherwise they would be converted unlike the ground truth. Raises what
    `convert` raises.
    """
    unchanged = video.format.pixel_format in ("rgb24", pixel_format)
    return video if unchanged else convert(video, pixel_format, path, matrix)


def converted_frames(video: RawVideo, pixel_format: PixelFormat, matrix: Matrix) -> Iterator[list[Frame]]:
    """The planes of each frame of ``video`` in ``pixel_format``. One frame at a time is in memory.

    Raises `ToolError` if ffmpeg fails.
    """
    if pixel_format == video.format.pixel_format:
        return video.read_frames()
    form = dataclasses.replace(video.format, pixel_format=pixel_format)
    output = _converted(video, pixel_format, matrix).output("-", format="rawvideo", pix_fmt=pixel_format)
    return map(form.split, ffmpeg.stream_frames(output, form, _task(video, pixel_format)))


def _converted(video: RawVideo, pixel_format: PixelFormat, matrix: Matrix) -> Any:
    stream, name = ffmpeg.raw_input(video), video.format.pixel_format
    if "rgb24" not in (name, pixel_format):
        return stream.filter("scale", sws_dither="none")  # A lower bit depth then comes from rounding.
    if matrix == "bt601":
        # BT.601 is the default. It is not stated, since any option can change swscale's code path and so the last bit.
        return stream
    return stream.filter("scale", **{"in_color_matrix" if pixel_format == "rgb24" else "out_color_matrix": matrix})


def _task(video: RawVideo, pixel_format: PixelFormat) -> str:
    return f"Converting {printable(video.path.name)} to {pixel_format}"
