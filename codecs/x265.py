"""H.265/HEVC by x265."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bench.video.raw import PixelFormat

from .standard.depth import Depth, coded_format
from .standard.structure import Mode, in_words
from .standard.two_pass import TwoPassCodec
from .x264 import SpeedPreset

Tune = Literal["none", "psnr", "ssim", "grain", "animation", "fastdecode", "zerolatency"]


@dataclass(frozen=True)
class X265(TwoPassCodec):
    name: ClassVar[str] = "x265"
    version: ClassVar[int] = 2
    suffix: ClassVar[str] = ".265"
    encoder: ClassVar[str] = "libx265"
    muxer: ClassVar[str] = "hevc"
    syntax: ClassVar = "hevc"
    portable: ClassVar[bool] = True
    threads: ClassVar[int | None] = 4
    """From four threads on, the bytes are the same for any number; fewer give others."""
    statistics: ClassVar[str] = "x265-stats"

    crf: float = 28
    preset: SpeedPreset = "medium"
    tune: Tune = "none"
    mode: Mode = "random-access"
    depth: Depth = 8

    def structure(self) -> str:
        without_b_frames = self.mode == "low-delay" or self.tune == "zerolatency"
        return in_words("low delay P" if without_b_frames else "random access")

    def coded_format(self, source: PixelFormat) -> PixelFormat:
        return coded_format(source, self.depth)

    def options(self) -> dict[str, Any]:
        tune = {} if self.tune == "none" else {"tune": self.tune}
        order = {"bf": 0} if self.mode == "low-delay" else {}
        plain = {
            **self.rate(),
            "preset": self.preset,
            "x265-params": f"info=0:frame-threads=1:pools={self.threads}",
        }
        return plain | tune | order
