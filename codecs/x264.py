"""H.264/AVC by x264."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bench.records.environment import instruction_sets

from .standard.structure import Mode, in_words
from .standard.two_pass import TwoPassCodec

SpeedPreset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
]
Tune = Literal["none", "psnr", "ssim", "film", "animation", "grain", "fastdecode", "zerolatency"]


@dataclass(frozen=True)
class X264(TwoPassCodec):
    name: ClassVar[str] = "x264"
    version: ClassVar[int] = 2
    suffix: ClassVar[str] = ".264"
    encoder: ClassVar[str] = "libx264"
    muxer: ClassVar[str] = "h264"
    syntax: ClassVar = "h264"
    threads: ClassVar[int | None] = 1

    preset: SpeedPreset = "medium"
    tune: Tune = "none"
    mode: Mode = "random-access"

    def structure(self) -> str:
        without_b_frames = self.mode == "low-delay" or self.tune == "zerolatency" or self.preset == "ultrafast"
        return in_words("low delay P" if without_b_frames else "random access")

    def options(self) -> dict[str, Any]:
        tune = {} if self.tune == "none" else {"tune": self.tune}
        order = {"bf": 0} if self.mode == "low-delay" else {}
        # x264 writes its settings into an SEI message; a decoder has no use for it.
        plain = {
            **self.rate(),
            "preset": self.preset,
            "threads": self.threads,
            "bsf:v": "filter_units=remove_types=6",
        }
        # With AVX-512, x264 decides some blocks otherwise than with AVX2, whose bytes are also those of SSE4.2.
        instructions = {"x264-params": "asm=avx2"} if "avx2" in instruction_sets() else {}
        return plain | tune | order | instructions
