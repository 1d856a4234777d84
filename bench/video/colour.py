"""Between YUV and RGB, always by the conversion that made the papers' ground truth.

That is swscale's default: BT.601 limited range whatever the size of the picture. It reproduces
the Bunny frames of the NeRV, HNeRV and E-NeRV repositories bit for bit on x86.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from . import ffmpeg
from .raw import PixelFormat, RawVideo

Matrix = Literal["bt601"]


def convert(video: RawVideo, pixel_format: PixelFormat, path: Path) -> RawVideo:
    """``video`` in ``pixel_format``, written to ``path`` and checked for size."""
    converted = RawVideo(path, dataclasses.replace(video.format, pixel_format=pixel_format))
    output = ffmpeg.raw_input(video).output(str(path), format="rawvideo", pix_fmt=pixel_format)
    ffmpeg.run(output, f"Converting {video.path.name} to {pixel_format}")
    converted.check_size()
    return converted
