"""The coarsest feature map of a network, and the way from there to the picture."""

from __future__ import annotations

import functools
import math

from bench.video.raw import VideoFormat

LARGEST_MAP = 1024
"""The most positions of the coarsest feature map: beyond, the stem's last layer would dwarf the rest of the network."""


def canvas(video: VideoFormat) -> tuple[int, int]:
    """Width and height of the picture that a network makes, of which the video is the upper left part.

    The video's own size wherever whole factors lead to it from a feature map of `LARGEST_MAP` positions or fewer.
    Otherwise the smallest picture around it to which factors of 2, 3 and 5 do: 1920x1080 for 1918x1078.
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
    scale = math.gcd(width, height)
    return scale > 1 and width * height // scale**2 <= LARGEST_MAP


def coarsest_map(video: VideoFormat) -> tuple[int, int]:
    """Rows and columns of the smallest feature map of the canvas's shape."""
    width, height = canvas(video)
    scale = math.gcd(width, height)
    return height // scale, width // scale


def upsampling_strides(video: VideoFormat) -> tuple[int, ...]:
    """The strides that lead from `coarsest_map` to `canvas`.

    They are the prime factors of the greatest common divisor of its width and height, largest first:
    5 2 2 2 2 at 1280x720 and 5 3 2 2 2 at 1920x1080, both from 9x16, as the authors chose them.
    """
    rest = math.gcd(*canvas(video))
    strides: list[int] = []
    for factor in range(2, rest + 1):
        while rest % factor == 0:
            strides.insert(0, factor)
            rest //= factor
    return tuple(strides)
