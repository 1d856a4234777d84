"""The conversion that made the papers' RGB, computed sample by sample on any processor.

On x86, swscale converts 8-bit 4:2:0 and 4:2:2 to RGB in 16-bit fixed point, and repeats chroma. On other processors it
rounds otherwise. This file has the arithmetic of x86: there it agrees with ffmpeg bit for bit, and elsewhere it tells
how far ffmpeg's RGB is from the papers'.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .colour import Difference, Matrix
from .raw import Frame, RawVideo

FRAMES_COMPARED = 8

CHROMA: dict[Matrix, tuple[int, int, int, int]] = {
    "bt601": (104597, 132201, 25675, 53279),
    "bt709": (117489, 138438, 13975, 34925),
    "bt2020": (110013, 140363, 12277, 42626),
}
"""How much Cr adds to red, how much Cb adds to blue, and how much Cb and Cr take from green, in units of 2^-16, for
limited range (ITU-T H.273)."""
LUMA = 65536 * 255 // 219
"""The factor that stretches limited range to full range, in units of 2^-16."""


def reference_rgb(planes: list[Frame], subsampling: tuple[int, int], matrix: Matrix) -> Frame:
    """The 8-bit RGB frame, of shape (height, width, 3), of 8-bit planes Y, U and V.

    ``subsampling`` is as in `VideoFormat.subsampling`: two luma columns, and one or two luma rows, for one of chroma.
    """
    (y, u, v), (red, blue, green_blue, green_red) = planes, map(_coefficient, CHROMA[matrix])
    rgb: Frame = _convert(y, u, v, subsampling[1], _coefficient(LUMA), red, blue, green_blue, green_red)
    return rgb


@njit(nogil=True, cache=True)
def _convert(
    y: Frame, u: Frame, v: Frame, rows: int, white: int, red: int, blue: int, green_blue: int, green_red: int
) -> Frame:  # pragma: no cover
    """Convert row by row. Each loop over a row does one operation, so that the compiler vectorises all of them but the
    last, which interleaves the channels."""
    height, width = y.shape
    pairs = u.shape[1]
    rgb = np.empty((height, width, 3), np.uint8)
    added = np.empty((3, pairs), np.int16)
    luma = np.zeros(2 * pairs, np.int16)
    line = np.empty((3, 2 * pairs), np.uint8)
    zero, most, bits, eight = np.int32(0), np.int32(255), np.int32(16), np.int32(8)
    for row in range(height):
        if row % rows == 0:
            for i in range(pairs):
                cb = np.int32(u[row // rows, i]) * eight - np.int32(1024)
                cr = np.int32(v[row // rows, i]) * eight - np.int32(1024)
                added[0, i] = cr * np.int32(red) >> bits
                added[1, i] = (cb * np.int32(-green_blue) >> bits) + (cr * np.int32(-green_red) >> bits)
                added[2, i] = cb * np.int32(blue) >> bits
        for j in range(width):
            luma[j] = (np.int32(y[row, j]) * eight - np.int32(128)) * np.int32(white) >> bits
        for channel in range(3):
            for i in range(pairs):
                more = np.int32(added[channel, i])
                line[channel, 2 * i] = min(max(np.int32(luma[2 * i]) + more, zero), most)
                line[channel, 2 * i + 1] = min(max(np.int32(luma[2 * i + 1]) + more, zero), most)
        for j in range(width):
            rgb[row, j, 0] = line[0, j]
            rgb[row, j, 1] = line[1, j]
            rgb[row, j, 2] = line[2, j]
    return rgb


def _coefficient(value: int) -> int:
    """``value``, in units of 2^-16, rounded to units of 2^-13, with which swscale computes."""
    return value * 2**13 + 2**15 >> 16


def difference(yuv: RawVideo, rgb: RawVideo, matrix: Matrix) -> Difference | None:
    """How far ``rgb`` is from the reference conversion of ``yuv``, over `FRAMES_COMPARED` evenly spaced frames.

    None where swscale interpolates, so that there is nothing to compare with: for pixel formats other than 8-bit 4:2:0
    and 4:2:2, and for odd heights.
    """
    form = yuv.format
    if form.pixel_format not in ("yuv420p", "yuv422p") or form.height % 2:
        return None
    chosen = np.unique(np.linspace(0, form.frames - 1, min(form.frames, FRAMES_COMPARED)).round().astype(int))
    gaps = [
        np.abs(rgb.read_frame(i)[0].astype(np.int16) - reference_rgb(yuv.read_frame(i), form.subsampling, matrix))
        for i in chosen
    ]
    return Difference(
        len(gaps),
        max(int(gap.max()) for gap in gaps),
        float(np.mean([gap.mean() for gap in gaps])),
        float(np.mean([np.square(gap, dtype=np.int32).mean() for gap in gaps])),
    )
