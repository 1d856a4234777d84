"""What a dataset is to the benchmark, and the clip that it hands to codecs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from .video.colour import Matrix
from .video.raw import RawVideo


@dataclass(frozen=True)
class Cut:
    """The part of a sequence that a preset works on. None means all of it."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Source:
    """Facts about a whole sequence that a report must be able to state."""

    dataset: str
    sequence: str
    licence: str
    origin: str
    """Where the file came from, in words."""
    sha256: str
    """Of the source's full-size decoded YUV."""
    frames: int
    coded_bytes: int | None = None
    """The size of the source's own lossy bitstream, where the source is itself a decoded one:
    above that rate a codec is beaten by sending the source."""


@dataclass(frozen=True)
class Clip:
    """What is encoded: the source's own YUV, and the RGB ground truth that was made from it once.

    Standard codecs read ``yuv``; implicit codecs are trained on ``rgb``. Both lie on disk.
    """

    source: Source
    yuv: RawVideo
    rgb: RawVideo
    matrix: Matrix
    yuv_sha256: str
    rgb_sha256: str

    @property
    def name(self) -> str:
        return f"{self.source.dataset}/{self.source.sequence}"

    def in_folder(self, folder: Path) -> Clip:
        """The same clip with its files in ``folder``; records keep it with bare file names."""
        yuv = replace(self.yuv, path=folder / "clip.yuv")
        return replace(self, yuv=yuv, rgb=replace(self.rgb, path=folder / "clip.rgb"))

    @property
    def source_bits_per_pixel(self) -> float | None:
        """The rate at which sending the source's own bitstream would do, for this clip's size.
        None where the source is not a decoded stream."""
        if self.source.coded_bytes is None:
            return None
        form = self.yuv.format
        return 8 * self.source.coded_bytes / (self.source.frames * form.width * form.height)


class Dataset(ABC):
    """A named collection of sequences."""

    name: ClassVar[str]
    sequences: ClassVar[tuple[str, ...]]

    @abstractmethod
    def check(self, sequences: list[str]) -> None:
        """Raise `SourceError` unless the files of all ``sequences`` are there; it says precisely
        which are missing and how to get them."""

    @abstractmethod
    def open(self, sequence: str, cut: Cut, cache: Path) -> Clip:
        """Prepare ``sequence`` for encoding, in ``cache``. Raises `SourceError`."""
