"""The target of a network's quantisation: ``-0.1dB``, ``32.5dB``, ``0.02bpp``, ``3.5Mbps`` or ``8bit``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from bench.errors import UsageError
from bench.video.raw import VideoFormat

TargetKind = Literal["loss_db", "psnr_db", "bpp", "bitrate_mbps", "bits"]
FORMS: dict[TargetKind, str] = {
    "loss_db": r"-(\d*\.?\d+)dB",
    "psnr_db": r"(\d*\.?\d+)dB",
    "bpp": r"(\d*\.?\d+)bpp",
    "bitrate_mbps": r"(\d*\.?\d+)Mbps",
    "bits": r"(\d*\.?\d+)bit",
}
"""How each kind of target is written, as a pattern whose group is the value."""


@dataclass(frozen=True)
class Target:
    """A target and its value. ``loss_db`` is the loss of PSNR in dB against float weights, ``psnr_db`` a PSNR in dB,
    ``bpp`` are bits per pixel, ``bitrate_mbps`` 10^6 bits per second. ``bits`` are the bits of a weight before entropy
    coding, which only step sizes by range fix."""

    kind: TargetKind
    value: float

    def size_bytes(self, video: VideoFormat) -> float:
        """The bytes that a stream of ``video`` may have if the target is a rate; infinite for other targets."""
        if self.kind == "bpp":
            return self.value * video.width * video.height * video.frames / 8
        if self.kind == "bitrate_mbps":
            return self.value * 1e6 * float(video.frames / video.frame_rate) / 8
        return math.inf


def parse_target(text: str) -> Target:
    """The target that ``text`` states. Raises `UsageError` if it has none of the `FORMS`.

    >>> parse_target("-0.1dB"), parse_target("3.5Mbps")
    (Target(kind='loss_db', value=0.1), Target(kind='bitrate_mbps', value=3.5))
    """
    for kind, form in FORMS.items():
        if (match := re.fullmatch(form, text)) and float(match[1]) > 0:
            return Target(kind, float(match[1]))
    raise UsageError(f"{text!r} is no target. A loss (-0.1dB), a PSNR (32.5dB), a rate (0.02bpp, 3.5Mbps) or 8bit is.")
