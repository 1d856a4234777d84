"""The video itself, uncompressed. This is the shortest codec, and it reaches the best value of every metric."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.codec import Codec, DecodedFormat, Family, Job, Stopwatch
from bench.dataset import Clip
from bench.video.y4m import read_y4m, write_y4m


@dataclass(frozen=True)
class Raw(Codec):
    name: ClassVar[str] = "raw"
    version: ClassVar[int] = 1
    family: ClassVar[Family] = "standard"
    suffix: ClassVar[str] = ".y4m"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        with job.watch.part("copying"):
            write_y4m(clip.yuv, stream)

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        with watch.part("copying"):
            return DecodedFormat(read_y4m(stream, frames))
