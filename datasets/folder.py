"""A user's own videos: a file, a folder of files, or a folder of numbered PNGs."""

from __future__ import annotations

import re
from pathlib import Path

from bench.dataset import Clip, ClipWindow, Dataset, Listing, Source
from bench.errors import SourceError
from bench.registry import datasets
from bench.sources.file import SUFFIXES, StatedFormat, VideoFile, is_video, open_file
from bench.sources.prepare import prepare_clip
from bench.video import ffmpeg as tool
from bench.video.colour import Matrix
from bench.video.paths import printable


class Folder(Dataset):
    """The videos at ``path``, a file or a folder. ``stated`` is the format of files that do not state it themselves.

    The decoded frames of a video are the ground truth, also where it is coded with loss. Then its size in bytes is
    noted as that of the source. Raises `SourceError` if ``path`` holds no video, or names that are not clear.
    """

    def __init__(self, path: Path, stated: StatedFormat = StatedFormat()) -> None:  # noqa: B008
        super().__init__(path)
        self.stated = stated
        self.files = _find(path.resolve())
        name = as_name(path.resolve().stem if path.is_file() else path.resolve().name)
        # A file of the user must not pass for a published sequence.
        self.name = f"own-{name}" if name in datasets.names() else name
        self.sequences = tuple(self.files)

    def file(self, sequence: str) -> VideoFile:
        """The video of a sequence, opened. Raises `SourceError` if it cannot be read."""
        return open_file(self.files[sequence], self.stated)

    def check(self, sequences: list[str]) -> None:
        for sequence in sequences:
            self.file(sequence)

    def open(self, sequence: str, cut: ClipWindow, cache: Path, matrix: Matrix = "bt601") -> Clip:
        file = self.file(sequence)
        form, content = file.read(cache)
        source = Source(
            dataset=self.name,
            sequence=sequence,
            licence="not stated",
            origin=f"{printable(file.path.name)}, {form}, {file.codec}",
            sha256=content.sha256,
            frames=form.frames,
            coded_bytes=None if file.lossless else tool.coded_bytes(file.path),
            fidelity="converted" if file.kind == "png" else "exact",
        )
        return prepare_clip(source, file.stream, form, cut, cache, matrix)

    def listing(self, sequence: str) -> Listing:
        try:
            file = self.file(sequence)
        except SourceError as error:
            return Listing(None, problem=str(error))
        return Listing(file.format, found=printable(file.path))


def as_name(text: str) -> str:
    """``text`` without the characters that cause trouble in file names, on command lines or in tables.

    >>> as_name("My clip (final)")
    'My-clip-final'
    """
    return re.sub(r"[^\w.]+", "-", text).strip("-.") or "video"


def _find(path: Path) -> dict[str, Path]:
    """The file or folder of each sequence, by the sequence's name. Raises `SourceError` if there is none, or if it is
    not clear which it is."""
    if not path.exists():
        raise SourceError(f"{printable(path)} does not exist.")
    videos = [path] if path.is_file() else sorted(child for child in path.iterdir() if is_video(child))
    if path.is_dir() and is_video(path):
        if any(video.is_file() for video in videos):
            raise SourceError(
                f"{printable(path)} holds both PNG frames and videos ({printable(videos[0].name)}). Give each a folder."
            )
        videos = [path]
    if not videos:
        raise SourceError(
            f"{printable(path)} holds no video: expected {', '.join(SUFFIXES)}, or folders of numbered PNGs."
        )
    sequences: dict[str, Path] = {}
    for video in videos:
        name = as_name(video.name if video.is_dir() else video.stem)
        if name in sequences:
            raise SourceError(
                f"{printable(sequences[name].name)} and {printable(video.name)} in {printable(path)} would both be "
                f"called {name}. Rename one."
            )
        sequences[name] = video
    return sequences
