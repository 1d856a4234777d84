"""UVG at 1920x1080: seven sequences at 120 frames per second (Mercat et al., MMSys 2020)."""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench.dataset import Clip, ClipWindow, Dataset, Fidelity, Listing
from bench.errors import SourceError
from bench.files import load_toml
from bench.sources.container import CONTAINERS, ELEMENTARY
from bench.sources.fetch.sequence import Archive, fetch_sequence, fetched
from bench.sources.file import is_video, open_file
from bench.sources.pictures import is_hidden
from bench.sources.prepare import prepare_clip
from bench.sources.video_file import StatedFormat, VideoFile, source_of
from bench.video.colour import Matrix
from bench.video.paths import printable
from bench.video.raw import VideoFormat

FACTS: dict[str, Any] = load_toml(Path(__file__).with_name("uvg.toml"))
PREFERENCE = (".yuv", ".y4m", "", *CONTAINERS, *ELEMENTARY)
"""If a sequence is there in several forms, the one whose suffix comes first here is taken. A folder of PNGs has no
suffix."""


def format_of(name: str) -> VideoFormat:
    """The published format of a sequence."""
    facts = FACTS["sequences"][name]
    return VideoFormat(FACTS["width"], FACTS["height"], facts["frames"], Fraction(FACTS["frame_rate"]), "yuv420p")


class UVG(Dataset):
    """The sequences that lie in the data root. Published facts about them are in `uvg.toml`."""

    name = "uvg"
    sequences = tuple(FACTS["sequences"])

    def find(self, name: str) -> Path:
        """The file of a sequence, or the folder of its PNGs, which may have any of the usual names.

        Raises `SourceError` if there is none, or if there are several of the same form.
        """
        official: Path = self.data_root / FACTS["sequences"][name]["yuv"]
        if official.is_file():
            return official
        folders = [self.data_root, *(child for child in _children(self.data_root) if _is_called(child, name))]
        videos = [
            path
            for folder in folders
            for path in _children(folder)
            if (folder != self.data_root or _is_called(path, name)) and is_video(path)
        ]
        videos += [folder for folder in folders[1:] if is_video(folder) and folder not in videos]
        if not videos:
            raise SourceError(f"{printable(official)}: missing")
        videos.sort(key=lambda path: (PREFERENCE.index(path.suffix.lower() if path.is_file() else ""), path))
        best = [path for path in videos if path.suffix == videos[0].suffix and path.is_dir() == videos[0].is_dir()]
        if len(best) > 1:
            raise SourceError(
                f"{printable(best[0])} and {printable(best[1])} both seem to be it. Keep one of them there."
            )
        return best[0]

    def file(self, name: str) -> VideoFile:
        """The video of a sequence, opened, with the published frame rate.

        Raises `SourceError` if it is missing, or if what shows without decoding is not as published.
        """
        published = format_of(name)
        path = self.find(name).resolve()
        size = path.stat().st_size
        if path.suffix.lower() == ".yuv" and size != published.size_bytes:
            raise SourceError(f"{printable(path)} has {size:,} bytes, expected {published.size_bytes:,} ({published})")
        stated = StatedFormat((published.width, published.height), published.frame_rate, published.pixel_format)
        file = open_file(path, stated)
        _compare(file, file.format, published)
        return dataclasses.replace(file, format=dataclasses.replace(file.format, frame_rate=published.frame_rate))

    def check(self, sequences: list[str]) -> None:
        listings = {name: self.listing(name) for name in sequences}
        problems = {name: listing.problem for name, listing in listings.items() if listing.problem}
        if problems:
            archives = {name: self.archive(name) for name in problems}
            lines = [
                f"  {problem}\n    {archives[name].url} ({archives[name].size_bytes:,} bytes)"
                for name, problem in problems.items()
            ]
            raise SourceError(
                f"uvg: {len(problems)} of {len(sequences)} sequences cannot be used:\n"
                + "\n".join(lines)
                + f"\nDownload them with: python -m bench fetch uvg {' '.join(problems)}\nIf you have them, name their "
                f"folder with --data-root or in BENCH_DATA_ROOT. Licence: {FACTS['licence']}; cite {FACTS['citation']}."
            )

    def open(self, sequence: str, cut: ClipWindow, cache: Path, matrix: Matrix | None = None) -> Clip:
        self.check([sequence])
        file, content = self.file(sequence).read(cache)
        form = dataclasses.replace(file.format, frame_rate=format_of(sequence).frame_rate)
        _compare(file, form, format_of(sequence))
        record = fetched(self.archive(sequence))
        whole: Fidelity = "unverified" if record is None else "exact"
        fidelity: Fidelity = "converted" if file.kind == "png" else whole if file.lossless else "lossy"
        if record is not None and fidelity == "exact" and content.sha256 != record.sha256:
            raise SourceError(
                f"uvg: {printable(file.path)} is not what was fetched on {record.fetched}: sha256 "
                f"{content.sha256[:16]}…, expected {record.sha256[:16]}…. Delete it and fetch it again."
            )
        source = source_of(
            file,
            content,
            dataset=self.name,
            sequence=sequence,
            licence=f"{FACTS['licence']}. {FACTS['citation']}",
            origin=f"{printable(file.path.name)}, {file.codec}",
            coded_bytes=file.coded_bytes,
            fidelity=fidelity,
        )
        return prepare_clip(source, file.stream, form, cut, cache, matrix or self.default_matrix(sequence))

    def listing(self, sequence: str) -> Listing:
        form = format_of(sequence)
        try:
            file = self.file(sequence)
            return Listing(form, found=printable(file.path), notes=file.notes)
        except SourceError as error:
            needed = FACTS["sequences"][sequence]["archive_bytes"] + form.size_bytes
            return Listing(form, problem=str(error), missing_bytes=needed)

    def archive(self, sequence: str) -> Archive:
        """The archive to download for a sequence, and the video that must come out of it."""
        facts = FACTS["sequences"][sequence]
        return Archive(
            name=f"{self.name}/{sequence}",
            url=FACTS["archives"].format(name=sequence),
            size_bytes=facts["archive_bytes"],
            sha256=facts.get("archive_sha256"),
            target=self.data_root / facts["yuv"],
            target_bytes=format_of(sequence).size_bytes,
        )

    def fetch(self, sequences: list[str]) -> None:
        print(f"UVG is licensed under {FACTS['licence']} ({FACTS['page']}). Please cite:\n  {FACTS['citation']}")
        for sequence in sequences:
            fetch_sequence(self.archive(sequence))


def _compare(file: VideoFile, form: VideoFormat, published: VideoFormat) -> None:
    """Raise `SourceError` unless ``form``, the format of a file, has the published size, pixel format and number of
    frames. A folder of PNGs is RGB. The frame rate may differ, and the number of frames may be unknown."""
    expected = dataclasses.replace(
        published, pixel_format="rgb24" if file.kind == "png" else published.pixel_format, frame_rate=form.frame_rate
    )
    if dataclasses.replace(form, frames=form.frames or published.frames) != expected:
        raise SourceError(f"{printable(file.path)} has {form}, expected {expected}")


def _children(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not is_hidden(path)) if folder.is_dir() else []


def _is_called(path: Path, name: str) -> bool:
    """Whether a file or folder is named after a sequence, and its name does not state another size.

    >>> _is_called(Path("ReadySteadyGo_1920x1080_120fps_420_8bit_YUV.yuv"), "ReadySetGo")
    True
    >>> _is_called(Path("Beauty_3840x2160_120fps_420_10bit_YUV.yuv"), "Beauty")
    False
    """
    names = "|".join(map(re.escape, [name, *FACTS["sequences"][name].get("also", [])]))
    if not re.match(rf"(uvg[\W_]+)?({names})(?![a-z])", path.name, re.IGNORECASE):
        return False
    size = re.search(r"(\d{3,5})x(\d{3,5})", path.name)
    return size is None or (int(size[1]), int(size[2])) == (FACTS["width"], FACTS["height"])
