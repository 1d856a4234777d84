"""The size of a network's coarsest feature map, and the strides by which upsampling leads from it to the picture."""

from __future__ import annotations

import functools
import math

from bench.video.raw import VideoFormat

LARGEST_MAP = 1024
"""The most positions that the coarsest feature map may have. With more, most parameters of the network would be in the
last layer of its stem."""


def canvas(video: VideoFormat) -> tuple[int, int]:
    """The width and height in pixels of the picture that a network makes. The video is its upper left part.

    This is the size of the video if whole factors lead to it from a feature map of at most `LARGEST_MAP` positions.
    Otherwise it is the smallest larger size to which factors of 2, 3 and 5 lead: 1920x1080 for 1918x1078.
    """
    return _canvas(video.width, video.height)


@functools.cache
def _canvas(width: int, height: int) -> tuple[int, int]:
    if _is_reached(width, height):
        return width, height
    smooth = (2**i * 3**j * 5**k for i in range(1, 13) for j in range(8) for k in range(6))
    padded = [(-(-width // scale) * scale, -(-height // scale) * scale) for scale in smooth if scale <= width + height]
    return min((size for size in padded if _is_reached(*size)), key=lambda size: (math.prod(size), size))


def _is_reached(width: int, height: int) -> bool:
    """Whether whole factors lead to this size from a feature map that is small enough."""
    scale = math.gcd(width, height)
    return scale > 1 and width * height // scale**2 <= LARGEST_MAP


def coarsest_map(video: VideoFormat) -> tuple[int, int]:
    """The rows and columns of the smallest feature map that has the aspect ratio of the canvas."""
    width, height = canvas(video)
    scale = math.gcd(width, height)
    return height // scale, width // scale


def upsampling_strides(video: VideoFormat) -> tuple[int, ...]:
    """The strides that lead from `coarsest_map` to `canvas`.

    They are the prime factors of the greatest common divisor of the canvas's width and height, the largest first. From
    9 rows and 16 columns, 5, 2, 2, 2, 2 lead to 1280x720, and 5, 3, 2, 2, 2 to 1920x1080, as in the authors' code.
    """
    rest = math.gcd(*canvas(video))
    strides: list[int] = []
    for factor in range(2, rest + 1):
        while rest % factor == 0:
            strides.insert(0, factor)
            rest //= factor
    return tuple(strides)
