"""A user's own videos: a file, a folder of files, or a folder of numbered PNGs."""

from __future__ import annotations

import re
from pathlib import Path

from bench.dataset import Clip, ClipWindow, Dataset, Listing
from bench.errors import SourceError
from bench.registry import datasets
from bench.sources.file import SUFFIXES, is_video, open_file
from bench.sources.pictures import is_hidden
from bench.sources.prepare import prepare_clip
from bench.sources.video_file import StatedFormat, VideoFile, source_of
from bench.video.colour import PUBLISHED_MATRIX, Matrix, matrix_name
from bench.video.colour_tags import tag_notes, tagged_matrix
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
        self._opened: dict[str, VideoFile] = {}

    def file(self, sequence: str) -> VideoFile:
        """The video of a sequence, opened. Raises `SourceError` if it cannot be read."""
        if sequence not in self._opened:
            self._opened[sequence] = open_file(self.files[sequence], self.stated)
        return self._opened[sequence]

    def check(self, sequences: list[str]) -> None:
        for sequence in sequences:
            self.file(sequence)

    def open(self, sequence: str, cut: ClipWindow, cache: Path, matrix: Matrix | None = None) -> Clip:
        matrix = matrix or self.default_matrix(sequence)
        file, content = self.file(sequence).read(cache)
        source = source_of(
            file,
            content,
            dataset=self.name,
            sequence=sequence,
            licence="not stated",
            origin=f"{printable(file.path.name)}, {file.format}, {file.codec}",
            coded_bytes=file.coded_bytes,
            fidelity="converted" if file.kind == "png" else "exact",
        )
        return prepare_clip(source, file.stream, file.format, cut, cache, matrix)

    def default_matrix(self, sequence: str) -> Matrix:
        """The conversion that the file's tags ask for; that of published figures where it has none."""
        file = self.file(sequence)
        matrix = tagged_matrix(file.colour)
        if matrix is None:
            tags = file.colour
            raise SourceError(
                f"{printable(file.path)} is tagged with the matrix {tags.matrix} and the transfer {tags.transfer}, for "
                "which RGB metrics are not defined here. Convert it to SDR first, for example with ffmpeg's filters "
                "zscale and tonemap; or choose a conversion with --matrix, to measure the samples as they are coded."
            )
        return matrix

    def listing(self, sequence: str) -> Listing:
        try:
            file = self.file(sequence)
        except SourceError as error:
            return Listing(None, problem=str(error))
        notes = (*_rate_notes(file), *file.notes, *_colour_notes(file))
        return Listing(file.format, found=printable(file.path), notes=notes)


def _rate_notes(file: VideoFile) -> list[str]:
    return ["the frame rate seems to vary; reading all frames tells"] if file.seems_to_vary else []


def _colour_notes(file: VideoFile) -> list[str]:
    """How RGB is made of the file where the user does not say it, if that is not as in published figures."""
    matrix = tagged_matrix(file.colour)
    if matrix is None:
        return [f"tagged {file.colour.matrix} and {file.colour.transfer}: it is run only with --matrix"]
    own = [f"RGB by {matrix_name(matrix)}, as it is tagged"] if matrix != PUBLISHED_MATRIX else []
    return [*own, *tag_notes(file.colour, matrix)]


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
    children = [] if path.is_file() else [child for child in path.iterdir() if not is_hidden(child)]
    videos = [path] if path.is_file() else sorted(filter(is_video, children))
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
