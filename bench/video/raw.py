"""Uncompressed video on disk: 8-bit frames, one after another, nothing around them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodeError

PixelFormat = Literal["yuv420p", "rgb24"]
Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class VideoFormat:
    """The shape of a raw video. ``frame_rate`` is in frames per second."""

    width: int
    height: int
    frames: int
    frame_rate: Fraction
    pixel_format: PixelFormat

    @property
    def plane_shapes(self) -> list[tuple[int, ...]]:
        """The array shape of each plane; RGB is one interleaved plane (height, width, 3)."""
        if self.pixel_format == "rgb24":
            return [(self.height, self.width, 3)]
        chroma = ((self.height + 1) // 2, (self.width + 1) // 2)
        return [(self.height, self.width), chroma, chroma]

    @property
    def frame_bytes(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.plane_shapes)

    @property
    def size_bytes(self) -> int:
        return self.frame_bytes * self.frames

    @property
    def pixels(self) -> int:
        """Luma samples in the whole video: what bits per pixel are counted over."""
        return self.width * self.height * self.frames

    @property
    def duration_seconds(self) -> float:
        return float(self.frames / self.frame_rate)

    def __str__(self) -> str:
        return f"{self.frames} frames of {self.width}x{self.height} {self.pixel_format}"


@dataclass(frozen=True)
class RawVideo:
    """A file of raw frames and its format."""

    path: Path
    format: VideoFormat

    def check_size(self) -> None:
        """Raise `DecodeError` unless the file holds exactly the frames that its format says."""
        found = self.path.stat().st_size if self.path.exists() else 0
        expected = self.format.size_bytes
        if found != expected:
            frames = found / self.format.frame_bytes
            raise DecodeError(
                f"{self.path.name}: expected {self.format} ({expected:,} bytes), "
                f"found {found:,} bytes ({frames:.2f} frames)."
            )

    def frames(self) -> Iterator[list[Frame]]:
        """The planes of each frame in turn, mapped from disk rather than loaded."""
        shapes = self.format.plane_shapes
        bounds = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        for frame in self.array():
            yield [part.reshape(shape) for part, shape in zip(np.split(frame, bounds), shapes, strict=True)]

    def array(self) -> NDArray[np.uint8]:
        """The file as a read-only map of shape (frames, frame_bytes)."""
        self.check_size()
        shape = (self.format.frames, self.format.frame_bytes)
        return np.memmap(self.path, np.uint8, "r", shape=shape)

    def sha256(self) -> str:
        return file_sha256(self.path)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
