"""The coarsest feature map of a network, and the way from there to the picture."""

from __future__ import annotations

import math

from bench.video.raw import VideoFormat

LARGEST_GRID = 1024
"""Positions. Beyond this the stem's last layer would dwarf the rest of the network."""


def coarsest_grid(video: VideoFormat) -> tuple[int, int]:
    """Rows and columns of the smallest grid of the picture's shape."""
    scale = math.gcd(video.width, video.height)
    return video.height // scale, video.width // scale


def upsampling_strides(video: VideoFormat) -> tuple[int, ...]:
    """The strides that lead from `coarsest_grid` to the picture's size.

    They are the prime factors of the greatest common divisor of width and height, largest first:
    5 2 2 2 2 at 1280x720 and 5 3 2 2 2 at 1920x1080, both from 9x16, as the authors chose them.
    """
    rest = math.gcd(video.width, video.height)
    strides: list[int] = []
    for factor in range(2, rest + 1):
        while rest % factor == 0:
            strides.insert(0, factor)
            rest //= factor
    return tuple(strides)
