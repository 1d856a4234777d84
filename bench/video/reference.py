"""The conversion that made the papers' RGB, sample by sample, for any processor.

swscale converts 8-bit 4:2:0 and 4:2:2 to RGB in 16-bit fixed point on x86, with chroma repeated, and
rounds otherwise elsewhere. This is that arithmetic: on x86 it agrees with ffmpeg bit for bit. Elsewhere it
tells how far ffmpeg's RGB is from the papers'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .colour import Matrix
from .raw import Frame, RawVideo

FRAMES_COMPARED = 8

# ITU-T H.273: what Cr adds to red, Cb to blue, and each takes from green, in units of 2^-16, limited range.
CHROMA: dict[Matrix, tuple[int, int, int, int]] = {
    "bt601": (104597, 132201, 25675, 53279),
    "bt709": (117489, 138438, 13975, 34925),
}
LUMA = 65536 * 255 // 219


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


def reference_rgb(planes: list[Frame], subsampling: tuple[int, int], matrix: Matrix) -> Frame:
    """The RGB frame (H, W, 3) of 8-bit Y, U and V; ``subsampling`` is luma columns and rows to one of chroma."""
    red, blue, green_blue, green_red = (_coefficient(value) for value in CHROMA[matrix])
    columns, rows = subsampling
    height, width = planes[0].shape
    y, u, v = (plane.astype(np.int32) * 8 - offset * 8 for plane, offset in zip(planes, (16, 128, 128), strict=True))

    def spread(chroma: NDArray[np.int32]) -> NDArray[np.int32]:
        return chroma.repeat(rows, 0).repeat(columns, 1)[:height, :width]

    luma = y * _coefficient(LUMA) >> 16
    channels = (v * red >> 16, (u * -green_blue >> 16) + (v * -green_red >> 16), u * blue >> 16)
    return np.stack([luma + spread(channel) for channel in channels], -1).clip(0, 255).astype(np.uint8)


def _coefficient(value: int) -> int:
    return value * 2**13 + 2**15 >> 16


def difference(yuv: RawVideo, rgb: RawVideo, matrix: Matrix) -> Difference | None:
    """Of ``rgb`` from the reference conversion of ``yuv``, over a few evenly spaced frames.

    None where swscale converts by interpolation and there is nothing to compare with: other than 8-bit
    4:2:0 and 4:2:2, and odd heights.
    """
    form = yuv.format
    if form.pixel_format not in ("yuv420p", "yuv422p") or form.height % 2:
        return None
    chosen = np.unique(np.linspace(0, form.frames - 1, min(form.frames, FRAMES_COMPARED)).round().astype(int))
    gaps = [
        np.abs(rgb.frame(i)[0].astype(np.int16) - reference_rgb(yuv.frame(i), form.subsampling, matrix)) for i in chosen
    ]
    return Difference(
        len(gaps),
        max(int(gap.max()) for gap in gaps),
        float(np.mean([gap.mean() for gap in gaps])),
        float(np.mean([np.square(gap, dtype=np.int32).mean() for gap in gaps])),
    )
