"""H.266/VVC by VVenC, the standard that the Res-NeRV paper names as the state of the art."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .standard.codec import FFmpegCodec
from .standard.structure import KEY_FRAME_INTERVAL, Mode, in_words


@dataclass(frozen=True)
class VVenC(FFmpegCodec):
    """Perceptual adaptation of the quantiser is off unless ``tune`` is ``visual``, as in the reference software VTM.
    Eight bits are coded, and decoded, as ten."""

    name: ClassVar[str] = "vvenc"
    version: ClassVar[int] = 4
    suffix: ClassVar[str] = ".266"
    encoder: ClassVar[str] = "libvvenc"
    muxer: ClassVar[str] = "vvc"
    syntax: ClassVar = "vvc"
    portable: ClassVar[bool] = True
    threads: ClassVar[int | None] = 4
    """Up to four threads, the bytes are the same for any number; more give others."""
    takes: ClassVar = ("yuv420p", "yuv420p10le")

    qp: int = 32
    preset: Literal["faster", "fast", "medium", "slow", "slower"] = "medium"
    tune: Literal["psnr", "visual"] = "psnr"
    mode: Mode = "random-access"

    def structure(self) -> str:
        return in_words("low delay B" if self.mode == "low-delay" else "random access")

    def options(self) -> dict[str, Any]:
        # ffmpeg does not tell VVenC its own option for the key frames. Without reordering, VVenC takes groups of eight
        # pictures only, as VTM's low delay has them, and codes key frames all the same.
        order = ":picreordering=0:decodingrefreshtype=none:gopsize=8" if self.mode == "low-delay" else ""
        return {
            "qp": self.qp,
            "preset": self.preset,
            "qpa": int(self.tune == "visual"),
            "threads": self.threads,
            "vvenc-params": f"intraperiod={KEY_FRAME_INTERVAL}{order}",
        }
