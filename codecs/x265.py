"""H.265/HEVC by x265."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .standard.codec import FFmpegCodec
from .x264 import SpeedPreset

Tune = Literal["none", "psnr", "ssim", "grain", "animation", "fastdecode", "zerolatency"]


@dataclass(frozen=True)
class X265(FFmpegCodec):
    name: ClassVar[str] = "x265"
    version: ClassVar[int] = 2
    suffix: ClassVar[str] = ".265"
    encoder: ClassVar[str] = "libx265"
    muxer: ClassVar[str] = "hevc"
    syntax: ClassVar = "hevc"
    portable: ClassVar[bool] = True
    threads: ClassVar[int | None] = 4
    """From four threads on, the bytes are the same for any number; fewer give others."""

    crf: float = 28
    preset: SpeedPreset = "medium"
    tune: Tune = "none"

    def options(self) -> dict[str, Any]:
        tune = {} if self.tune == "none" else {"tune": self.tune}
        return {
            "crf": self.crf,
            "preset": self.preset,
            "x265-params": f"info=0:frame-threads=1:pools={self.threads}",
        } | tune
