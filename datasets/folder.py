"""A user's own videos: a file, a folder of files, or a folder of numbered PNGs."""

from __future__ import annotations

import re
from pathlib import Path

from bench.dataset import Clip, ClipWindow, Dataset, Listing, Source
from bench.errors import SourceError
from bench.sources.file import SUFFIXES, StatedFormat, VideoFile, is_video, open_file
from bench.sources.prepare import prepare_clip
from bench.video import ffmpeg as tool
from bench.video.colour import Matrix
from bench.video.paths import printable


class Folder(Dataset):
    """``path`` is the file or folder; ``stated`` what the user says of files that do not say it themselves.

    A video is what it is: where it is coded lossily, that is the ground truth, and its rate is known.
    """

    def __init__(self, path: Path, stated: StatedFormat = StatedFormat()) -> None:  # noqa: B008
        super().__init__(path)
        self.stated = stated
        self.files = _find(path.resolve())
        self.name = as_name(path.resolve().stem if path.is_file() else path.resolve().name)
        self.sequences = tuple(self.files)

    def file(self, sequence: str) -> VideoFile:
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
            return Listing("unknown", problem=str(error))
        return Listing(str(file.format), found=printable(file.path))


def as_name(text: str) -> str:
    """What can stand in a file's name, on a command line and in a table.

    >>> as_name("My clip (final)")
    'My-clip-final'
    """
    return re.sub(r"[^\w.]+", "-", text).strip("-.") or "video"


def _find(path: Path) -> dict[str, Path]:
    """Sequence to the file or folder that holds it. Raises `SourceError` where that is not clear."""
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
