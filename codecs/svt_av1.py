"""AV1 by SVT-AV1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bench.errors import UsageError
from bench.video.raw import PixelFormat

from .standard.codec import FFmpegCodec
from .standard.depth import Depth, coded_format
from .standard.structure import Mode, in_words

Tune = Literal["psnr", "ssim", "ms-ssim", "vmaf", "visual"]
TUNES: dict[Tune, int] = {"visual": 0, "psnr": 1, "ssim": 2, "ms-ssim": 4, "vmaf": 5}
"""SVT-AV1's numbers; its tune 3, for still images, knows no random access."""
STRUCTURES: dict[Mode, int] = {"low-delay": 1, "random-access": 2}


@dataclass(frozen=True)
class SVTAV1(FFmpegCodec):
    """``preset`` runs from 0 (slowest) to 13."""

    name: ClassVar[str] = "svt-av1"
    version: ClassVar[int] = 2
    suffix: ClassVar[str] = ".obu"
    encoder: ClassVar[str] = "libsvtav1"
    muxer: ClassVar[str] = "obu"
    syntax: ClassVar = "av1"
    portable: ClassVar[bool] = True
    takes: ClassVar = ("yuv420p", "yuv420p10le")
    takes_odd_sizes: ClassVar[bool] = True

    crf: int = 35
    preset: int = 6
    tune: Tune = "psnr"
    mode: Mode = "random-access"
    depth: Depth = 8

    def __post_init__(self) -> None:
        if self.mode == "low-delay" and self.tune not in ("psnr", "visual"):
            raise UsageError(f"svt-av1: there is no tune={self.tune} with mode=low-delay; there are psnr and visual.")

    def structure(self) -> str:
        return in_words("low delay B" if self.mode == "low-delay" else "random access")

    def coded_format(self, source: PixelFormat) -> PixelFormat:
        return coded_format(source, self.depth)

    def options(self) -> dict[str, Any]:
        more = f"tune={TUNES[self.tune]}:pred-struct={STRUCTURES[self.mode]}"
        return {"crf": self.crf, "preset": self.preset, "svtav1-params": more}
