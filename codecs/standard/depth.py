"""With how many bits samples are coded."""

from __future__ import annotations

from typing import Literal

from bench.video.raw import PixelFormat

Depth = Literal[8, 10]
"""The fewest bits. A source that has more is coded with its own."""

IN_TEN_BITS: dict[PixelFormat, PixelFormat] = {
    "yuv420p": "yuv420p10le",
    "yuv422p": "yuv422p10le",
    "yuv444p": "yuv444p10le",
}


def coded_format(source: PixelFormat, depth: Depth) -> PixelFormat:
    """The format in which an encoder gets a source.

    >>> coded_format("yuv420p", 8), coded_format("yuv420p", 10), coded_format("yuv420p10le", 8)
    ('yuv420p', 'yuv420p10le', 'yuv420p10le')
    """
    return IN_TEN_BITS.get(source, source) if depth == 10 else source
