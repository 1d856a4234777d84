"""The video streams of a file, and which of them is the moving picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from . import ffmpeg

PICTURE_CODECS = ("png", "apng", "bmp", "gif", "tiff", "webp", "mjpeg")
"""ffmpeg's names of codecs that most often code a cover, where a file has another video stream."""
LISTED = re.compile(r"^ *Stream #0:(\d+)\S*: Video: (\w+)([^\n]*)((?:\n(?! *Stream #).*)*)", re.MULTILINE)
"""A video stream in ffmpeg's list, with the lines about it that follow."""


@dataclass(frozen=True)
class VideoStream:
    """A video stream: its number among all streams of the file, ffmpeg's name of its codec, whether it is a picture
    that is attached to the file, whether players take it by default, whether its fields are interlaced, whether it has
    transparency that is coded apart, and how many frames per second there are on average by the file's header, None if
    it does not say."""

    index: int
    codec: str
    attached: bool
    default: bool
    interlaced: bool
    transparent: bool = False
    average_rate: Fraction | None = None

    @property
    def rank(self) -> tuple[bool, bool, bool, int]:
        """A key by which the stream that is to be read comes first."""
        return self.attached, self.codec in PICTURE_CODECS, not self.default, self.index


def video_streams(source: Any, name: str) -> list[VideoStream]:
    """The video streams of the ffmpeg-python input ``source``, which messages call ``name``. Nothing is decoded.

    Raises `ToolError` if ffmpeg cannot read the file.
    """
    done = ffmpeg.run(source.output("-", format="ffmetadata"), f"Reading {name}")
    return listed_streams(done.stderr)


def listed_streams(messages: str) -> list[VideoStream]:
    """The video streams that ffmpeg lists of its input."""
    return [
        VideoStream(
            int(index),
            codec,
            "(attached pic)" in rest,
            "(default)" in rest,
            bool(re.search(r"\b(top|bottom) (coded )?first\b", rest)),
            bool(re.search(r"^ *alpha_mode *: 1$", below, re.MULTILINE)),
            Fraction(rate[1]) if (rate := re.search(r" ([\d.]+) fps,", rest)) else None,
        )
        for index, codec, rest, below in LISTED.findall(messages.split("Output #0")[0])
    ]


def moving_pictures(streams: Sequence[VideoStream]) -> list[VideoStream]:
    """The streams that show a moving picture; the one that is to be read comes first."""
    real = [stream for stream in streams if not stream.attached]
    moving = [stream for stream in real if stream.codec not in PICTURE_CODECS]
    return sorted(moving or real, key=lambda stream: stream.rank)
