"""What a dataset is to the benchmark, and the clip that it hands to codecs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from .errors import UsageError
from .video.colour import PUBLISHED_MATRIX, Difference, Matrix
from .video.colour_tags import ColourTags, tag_notes
from .video.raw import RawVideo, VideoFormat

DATA_ROOT_VARIABLE = "BENCH_DATA_ROOT"

Fidelity = Literal["exact", "unverified", "converted", "lossy"]
"""How a source stands to the sequence that it is called by: its very samples, by a digest; a file of its name, size and
length, of whose samples no digest is known; RGB frames, from which YUV was made anew; or what another codec left."""


@dataclass(frozen=True)
class ClipWindow:
    """The part of a sequence to work on: the first ``frames``, of each the window of size ``crop``
    (width, height) in its middle, scaled to ``width`` x ``height``. None means all of it, as it is; of a
    width or height alone, the other follows, as the nearest even number that keeps the picture's shape."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    crop: tuple[int, int] | None = None

    def format_of(self, full: VideoFormat) -> VideoFormat:
        """What is left of a video of format ``full``. Raises `UsageError` for a window that does not fit."""
        width, height = self.crop or (full.width, full.height)
        if width > full.width or height > full.height:
            raise UsageError(f"A window of {width}x{height} does not fit into {full.width}x{full.height}.")
        scaled_width = self.width or (_even(self.height * width / height) if self.height else width)
        scaled_height = self.height or (_even(self.width * height / width) if self.width else height)
        frames = min(self.frames or full.frames, full.frames)
        return replace(full, width=scaled_width, height=scaled_height, frames=frames)

    def equals(self, asked: ClipWindow, form: VideoFormat, source_frames: int) -> bool:
        """Whether ``asked`` is this window, which `of` a source of so many frames made and left the format ``form``."""
        frames = min(asked.frames or source_frames, source_frames)
        if self.width is None:  # nothing was scaled, so the frames are as large as the window
            scaled = replace(asked, crop=None).format_of(form)
            same_size = (scaled.width, scaled.height) == (form.width, form.height)
        else:
            size = (asked.width or form.width, asked.height or form.height)
            same_size = (form.width, form.height) == size and (asked.width or asked.height) is not None
        return (
            form.frames == frames
            and same_size
            and (self.crop == asked.crop or (self.crop is None and asked.crop == (form.width, form.height)))
        )

    def of(self, full: VideoFormat) -> ClipWindow:
        """The same with nothing in it that changes nothing: ``ClipWindow()`` where all of the video is left."""
        form, window = self.format_of(full), self.crop or (full.width, full.height)
        scaled = (form.width, form.height) != window
        return ClipWindow(
            form.width if scaled else None,
            form.height if scaled else None,
            form.frames if form.frames < full.frames else None,
            window if window != (full.width, full.height) else None,
        )


@dataclass(frozen=True)
class ShrinkingWindow(ClipWindow):
    """The same, but never enlarged: where the size is larger than the window, in either direction, the window is left
    as it is."""

    def format_of(self, full: VideoFormat) -> VideoFormat:
        """What is left of a video of format ``full``. Raises `UsageError` for a window that does not fit."""
        scaled = super().format_of(full)
        width, height = self.crop or (full.width, full.height)
        as_it_is = (self.width or width, self.height or height) == (width, height)
        if as_it_is or scaled.width > width or scaled.height > height:
            return replace(scaled, width=width, height=height)
        return scaled


def _even(length: float) -> int:
    return max(2, 2 * round(length / 2))


@dataclass(frozen=True)
class Source:
    """Facts about a whole sequence that a report must be able to state."""

    dataset: str
    sequence: str
    licence: str
    origin: str
    """Where the file came from, in words."""
    sha256: str
    """The digest of all decoded frames at full size: of their YUV or, where the source is RGB, of that."""
    frames: int
    coded_bytes: int | None = None
    """The size of the source's own lossy bitstream, where the source is itself a decoded one:
    above that rate a codec is beaten by sending the source."""
    fidelity: Fidelity = "exact"
    size: tuple[int, int] | None = None
    """Width and height of its frames in pixels; None in records from before this was noted."""
    colour: ColourTags | None = None
    """What its file says of its colours; None where that is not known."""
    notes: tuple[str, ...] = ()
    """What else must be known of it to read its numbers, each in words."""


@dataclass(frozen=True)
class Clip:
    """What is encoded: the source's own YUV, and the RGB ground truth that was made from it once.

    Standard codecs read ``yuv``; implicit codecs are trained on ``rgb``. Both lie on disk. Where the
    source is RGB, that is the ground truth, and ``yuv`` is made from it.
    """

    source: Source
    yuv: RawVideo
    rgb: RawVideo
    matrix: Matrix
    yuv_sha256: str
    rgb_sha256: str
    cut: ClipWindow = ClipWindow()
    rgb_difference: Difference | None = None
    """How far the conversion on this machine is from that of the papers' ground truth; None where there is no
    such conversion to compare with."""
    rgb_ceiling_db: float | None = None
    """The ``psnr_rgb`` that ``yuv`` has without any coding, where it was made from RGB."""

    @property
    def name(self) -> str:
        return f"{self.source.dataset}/{self.source.sequence}"

    def in_folder(self, folder: Path) -> Clip:
        """The same clip with its files in ``folder``; records keep it with bare file names."""
        yuv = replace(self.yuv, path=folder / "clip.yuv")
        return replace(self, yuv=yuv, rgb=replace(self.rgb, path=folder / "clip.rgb"))

    @property
    def enlarged_from(self) -> tuple[int, int] | None:
        """The width and height in pixels that were enlarged; None where nothing was, or where that is not known."""
        window, form = self.cut.crop or self.source.size, self.yuv.format
        return window if window and (form.width > window[0] or form.height > window[1]) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the source, and of how the clip was made of it, to read its numbers."""
        notes = [*self.source.notes, *tag_notes(self.source.colour or ColourTags(), self.matrix)]
        if self.enlarged_from:
            width, height = self.enlarged_from
            notes.append(f"enlarged from {width}x{height} to {self.yuv.format.width}x{self.yuv.format.height}")
        return tuple(notes)

    @property
    def source_bits_per_pixel(self) -> float | None:
        """The rate at which sending the source's own bitstream would do, for this clip's size.
        None where the source is not a decoded stream."""
        if self.source.coded_bytes is None:
            return None
        form = self.yuv.format
        return 8 * self.source.coded_bytes / (self.source.frames * form.width * form.height)


@dataclass(frozen=True)
class Listing:
    """A sequence, as far as it is known without decoding: its ``format``, whose number of frames is 0 where decoding
    alone would tell it; ``found`` names the file, ``problem`` says why there is none; ``missing_bytes`` is the disk
    space to get it. ``notes`` say what must be known of the file."""

    format: VideoFormat | None
    found: str | None = None
    problem: str | None = None
    missing_bytes: int = 0
    notes: tuple[str, ...] = ()


class Dataset(ABC):
    """A named collection of sequences. ``data_root`` is where files that a user has are looked for:
    as given, else by ``BENCH_DATA_ROOT``, else ``data``."""

    name: str
    sequences: tuple[str, ...]
    carriers: ClassVar[tuple[str, ...]] = ()
    """The installed packages that carry the videos: no decoder may read them."""

    def __init__(self, data_root: Path | None = None) -> None:
        self.data_root = data_root or Path(os.environ.get(DATA_ROOT_VARIABLE, "data"))

    @abstractmethod
    def check(self, sequences: list[str]) -> None:
        """Raise `SourceError` unless the files of all ``sequences`` are there; it says precisely
        which are missing and how to get them."""

    @abstractmethod
    def open(self, sequence: str, cut: ClipWindow, cache: Path, matrix: Matrix | None = None) -> Clip:
        """Prepare ``sequence`` for encoding, in ``cache``, with RGB by ``matrix``, or else by `default_matrix`.
        Raises `SourceError`."""

    @abstractmethod
    def listing(self, sequence: str) -> Listing:
        """What is known of a sequence and what of it is on disk, without reading it."""

    def default_matrix(self, sequence: str) -> Matrix:
        """The conversion between YUV and RGB where the user names none: that of published figures. Raises `SourceError`
        where the sequence cannot be converted truly."""
        return PUBLISHED_MATRIX

    def fetch(self, sequences: list[str]) -> None:
        """Download ``sequences`` into the data root. Raises `UsageError` where nothing is to be downloaded."""
        raise UsageError(f"{self.name} is not downloaded by this program.")
