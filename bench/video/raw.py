"""Uncompressed video on disk: frames, one after another, nothing around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import DecodeError
from ..files import file_sha256
from .paths import printable

PixelFormat = Literal["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "rgb24"]
"""By ffmpeg's names. YUV is of limited range; ten bits lie in the lower ones of 16, low byte first."""
PIXEL_FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)
YUV_FORMATS: tuple[PixelFormat, ...] = tuple(name for name in PIXEL_FORMATS if name != "rgb24")
Frame = NDArray[Any]
"""A plane's samples, uint8 or uint16."""


@dataclass(frozen=True)
class VideoFormat:
    """The shape of a raw video. ``frame_rate`` is in frames per second."""

    width: int
    height: int
    frames: int
    frame_rate: Fraction
    pixel_format: PixelFormat

    @property
    def bit_depth(self) -> int:
        return 10 if self.pixel_format.endswith("10le") else 8

    @property
    def peak(self) -> int:
        """The largest sample."""
        return (1 << self.bit_depth) - 1

    @property
    def sample_type(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bit_depth == 8 else "<u2")

    @property
    def planes(self) -> tuple[str, ...]:
        """The name of each plane; RGB is one interleaved plane."""
        return ("rgb",) if self.pixel_format == "rgb24" else ("y", "u", "v")

    @property
    def subsampling(self) -> tuple[int, int]:
        """Luma columns and luma rows to one of chroma."""
        return (1 if "444" in self.pixel_format or self.pixel_format == "rgb24" else 2), (
            2 if "420" in self.pixel_format else 1
        )

    @property
    def plane_shapes(self) -> list[tuple[int, ...]]:
        """The array shape of each plane; that of RGB is (height, width, 3)."""
        if self.pixel_format == "rgb24":
            return [(self.height, self.width, 3)]
        columns, rows = self.subsampling
        chroma = (-(-self.height // rows), -(-self.width // columns))
        return [(self.height, self.width), chroma, chroma]

    @property
    def frame_bytes(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.plane_shapes) * self.sample_type.itemsize

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

    def split(self, frame: bytes | bytearray) -> list[Frame]:
        """The planes of a frame's bytes."""
        samples = np.frombuffer(frame, self.sample_type)
        bounds = np.cumsum([int(np.prod(shape)) for shape in self.plane_shapes])[:-1]
        parts = zip(np.split(samples, bounds), self.plane_shapes, strict=True)
        return [part.reshape(shape) for part, shape in parts]

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
                f"{printable(self.path.name)}: expected {self.format} ({expected:,} bytes), "
                f"found {found:,} bytes ({frames:.2f} frames)."
            )

    def read_frame_bytes(self) -> Iterator[bytes]:
        """The bytes of each frame in turn, so that a file of any length takes one frame's memory."""
        self.check_size()
        with self.path.open("rb", buffering=0) as file:
            for _ in range(self.format.frames):
                yield file.read(self.format.frame_bytes)

    def read_frames(self) -> Iterator[list[Frame]]:
        """The planes of each frame in turn, read-only."""
        return map(self.format.split, self.read_frame_bytes())

    def read_frame(self, index: int) -> list[Frame]:
        """The planes of one frame."""
        self.check_size()
        with self.path.open("rb") as file:
            file.seek(index * self.format.frame_bytes)
            return self.format.split(file.read(self.format.frame_bytes))

    def read_luma(self, index: int) -> Frame:
        """The Y plane of one frame of a YUV video, without reading the others."""
        form = self.format
        with self.path.open("rb", buffering=0) as file:
            file.seek(index * form.frame_bytes)
            data = file.read(form.width * form.height * form.sample_type.itemsize)
        return np.frombuffer(data, form.sample_type).reshape(form.height, form.width)

    def sha256(self) -> str:
        return file_sha256(self.path)
