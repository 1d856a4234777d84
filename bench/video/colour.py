"""Between YUV and RGB, always by the conversion that made the papers' ground truth.

That is swscale's default: BT.601 limited range whatever the size of the picture. It reproduces
the Bunny frames of the NeRV, HNeRV and E-NeRV repositories bit for bit on x86. BT.709 is for those
who want what their videos are tagged with; no published figure of an implicit codec is made so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from . import ffmpeg
from .paths import as_argument, printable
from .raw import Frame, PixelFormat, RawVideo

Matrix = Literal["bt601", "bt709"]
MATRICES: tuple[Matrix, ...] = get_args(Matrix)


@dataclass(frozen=True)
class Difference:
    """Of 8-bit samples, over some frames: the largest, the mean of all, and the mean squared."""

    frames: int
    largest: int
    mean: float
    mean_squared: float

    @property
    def psnr_db(self) -> float:
        return 10 * math.log10(255**2 / self.mean_squared) if self.mean_squared else math.inf


def convert(video: RawVideo, pixel_format: PixelFormat, path: Path, matrix: Matrix) -> RawVideo:
    """``video`` in ``pixel_format``, written to ``path`` and checked for size."""
    converted = RawVideo(path, dataclasses.replace(video.format, pixel_format=pixel_format))
    output = _converted(video, pixel_format, matrix).output(as_argument(path), format="rawvideo", pix_fmt=pixel_format)
    ffmpeg.run(output, _task(video, pixel_format))
    converted.check_size()
    return converted


def rounded(video: RawVideo, pixel_format: PixelFormat, path: Path, matrix: Matrix) -> RawVideo:
    """``video`` itself if it is RGB or in the YUV format ``pixel_format``; else, of another depth, rounded to
    that in a file at ``path``.

    Only then does it become RGB as the ground truth did: swscale interpolates the chroma of ten bits and
    repeats that of eight.
    """
    as_it_is = video.format.pixel_format in ("rgb24", pixel_format)
    return video if as_it_is else convert(video, pixel_format, path, matrix)


def converted_frames(video: RawVideo, pixel_format: PixelFormat, matrix: Matrix) -> Iterator[list[Frame]]:
    """The planes of each frame of ``video`` in ``pixel_format``, one frame after another in memory."""
    if pixel_format == video.format.pixel_format:
        return video.read_frames()
    form = dataclasses.replace(video.format, pixel_format=pixel_format)
    output = _converted(video, pixel_format, matrix).output("-", format="rawvideo", pix_fmt=pixel_format)
    return map(form.split, ffmpeg.stream_frames(output, form, _task(video, pixel_format)))


def _converted(video: RawVideo, pixel_format: PixelFormat, matrix: Matrix) -> Any:
    stream, name = ffmpeg.raw_input(video), video.format.pixel_format
    if "rgb24" not in (name, pixel_format):
        return stream.filter("scale", sws_dither="none")  # a lower bit depth by rounding
    if matrix == "bt601":
        return stream  # the default, and said by nothing: any option can change swscale's path, and so the last bit
    return stream.filter("scale", **{"in_color_matrix" if pixel_format == "rgb24" else "out_color_matrix": matrix})


def _task(video: RawVideo, pixel_format: PixelFormat) -> str:
    return f"Converting {printable(video.path.name)} to {pixel_format}"
