"""What encoders share that can aim at a bit rate, with a first pass that finds out where the bits are needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.codec import Job
from bench.dataset import Clip
from bench.video.paths import as_argument

from .codec import FFmpegCodec

TOLERANCE = 0.05
"""The share of a target by which a stream may miss it without a note."""


@dataclass(frozen=True)
class TwoPassCodec(FFmpegCodec):
    """One pass at the quality ``crf``; or, where ``bitrate_kbps`` is not 0, two passes at that rate, and ``crf`` is 0
    then, since it means nothing."""

    statistics: ClassVar[str] = "passlogfile"
    """ffmpeg's option for the file that the first pass leaves to the second."""

    crf: float = 23
    bitrate_kbps: float = 0

    def __post_init__(self) -> None:
        if self.bitrate_kbps:  # cells that differ in nothing else are one
            object.__setattr__(self, "crf", 0.0)

    def passes(self) -> float:
        return 2 if self.bitrate_kbps else 1

    def rate(self) -> dict[str, Any]:
        """ffmpeg's option for the rate or the quality."""
        return {"b:v": f"{self.bitrate_kbps:g}k"} if self.bitrate_kbps else {"crf": self.crf}

    def run_encoder(self, clip: Clip, stream: Path, job: Job) -> list[str]:
        if not self.bitrate_kbps:
            return super().run_encoder(clip, stream, job)
        common = {self.statistics: as_argument(job.scratch / "statistics")}
        return [
            self.run_pass(clip, Path(os.devnull), job, "first_pass", {**common, "pass": 1, "format": "null"}),
            self.run_pass(clip, stream, job, "second_pass", {**common, "pass": 2}),
        ]

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        super().encode(clip, stream, job)
        if not self.bitrate_kbps:
            return
        reached_kbps = 8 * stream.stat().st_size / clip.yuv.format.duration_seconds / 1000
        miss_kbps = reached_kbps - self.bitrate_kbps
        if abs(miss_kbps) > TOLERANCE * self.bitrate_kbps:
            job.notes["missed_bitrate"] = (
                f"aimed at {self.bitrate_kbps:g} kbps, reached {reached_kbps:.4g}, {miss_kbps / self.bitrate_kbps:+.1%}"
            )
