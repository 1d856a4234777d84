"""How the pictures of a stream refer to each other, and how far key frames are apart."""

from __future__ import annotations

from typing import Literal

KEY_FRAME_INTERVAL = 250
"""In frames, at most: x264's and x265's own default. One for all, since a key frame costs much: with one in
every second, its own default, VVenC takes up to twice the bits."""

Mode = Literal["random-access", "low-delay"]
"""``low-delay`` is what the common test conditions of JVET mean by it: pictures are coded in the order in which they
are shown, so that none refers to a later one. It limits neither how far the encoder looks ahead nor its tools."""


def in_words(order: str) -> str:
    """The structure of a codec here: the ``order`` of its pictures, and the longest distance of its key frames."""
    return f"{order}, a key frame at most every {KEY_FRAME_INTERVAL} frames"
