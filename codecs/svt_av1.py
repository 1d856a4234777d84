"""AV1 by SVT-AV1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .standard.codec import FFmpegCodec


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

    def options(self) -> dict[str, Any]:
        return {"crf": self.crf, "preset": self.preset}
