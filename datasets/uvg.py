"""UVG at 1920x1080: seven sequences of 120 frames a second (Mercat et al., MMSys 2020)."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

from bench.dataset import Clip, Cut, Dataset, Source
from bench.errors import SourceError
from bench.toml import load_toml
from bench.video.ffmpeg import raw_input
from bench.video.prepare import prepare_clip
from bench.video.raw import RawVideo, VideoFormat

FACTS: dict[str, Any] = load_toml(Path(__file__).with_name("uvg.toml"))


def data_root() -> Path:
    """Where the .yuv files are looked for: ``BENCH_DATA_ROOT``, else ``data``."""
    return Path(os.environ.get("BENCH_DATA_ROOT", "data"))


def sequence_file(name: str) -> RawVideo:
    """The file of a sequence, which need not exist, and its format."""
    facts = FACTS["sequences"][name]
    rate = Fraction(FACTS["frame_rate"])
    form = VideoFormat(FACTS["width"], FACTS["height"], facts["frames"], rate, "yuv420p")
    return RawVideo(data_root() / facts["yuv"], form)


def problem(name: str) -> str | None:
    """What is wrong with a sequence's file; None if it is there and of the right size."""
    video = sequence_file(name)
    if not video.path.exists():
        return "missing"
    found, expected = video.path.stat().st_size, video.format.size_bytes
    return None if found == expected else f"has {found:,} bytes, expected {expected:,} ({video.format})"


class UVG(Dataset):
    name: ClassVar[str] = "uvg"
    sequences: ClassVar[tuple[str, ...]] = tuple(FACTS["sequences"])

    def check(self, sequences: list[str]) -> None:
        problems = {name: problem(name) for name in sequences if problem(name)}
        if not problems:
            return
        lines = []
        for name, text in problems.items():
            size = FACTS["sequences"][name]["archive_bytes"]
            lines.append(
                f"  {sequence_file(name).path}: {text}\n    {FACTS['archives'].format(name=name)} ({size:,} bytes)"
            )
        raise SourceError(
            f"uvg: {len(problems)} of {len(sequences)} sequences cannot be used:\n"
            + "\n".join(lines)
            + "\nDownload each archive, extract its one .yuv file (7z x ARCHIVE) and put it under the name above, "
            f"or name the folder that has the files in BENCH_DATA_ROOT. "
            f"Licence: {FACTS['licence']}; cite {FACTS['citation']}."
        )

    def open(self, sequence: str, cut: Cut, cache: Path) -> Clip:
        self.check([sequence])
        video = sequence_file(sequence)
        source = Source(
            dataset=self.name,
            sequence=sequence,
            licence=FACTS["licence"],
            origin=video.path.name,
            sha256=video.sha256(),
            frames=video.format.frames,
        )
        return prepare_clip(source, raw_input(video), video.format, cut, cache)
