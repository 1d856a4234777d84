"""Uncompressed video on disk: one frame after another, with nothing before, between or after them."""

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
"""ffmpeg's names. YUV has limited range. A sample of ten bits lies in the lower bits of 16, with the low byte first."""
PIXEL_FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)
YUV_FORMATS: tuple[PixelFormat, ...] = tuple(name for name in PIXEL_FORMATS if name != "rgb24")
Frame = NDArray[Any]
"""The samples of one plane, uint8 or uint16, of shape (height, width); RGB is one plane, (height, width, 3)."""


@dataclass(frozen=True)
class VideoFormat:
    """The format of a raw video: ``width`` and ``height`` in pixels, the number of ``frames``, and ``frame_rate`` in
    frames per second."""

    width: int
    height: int
    frames: int
    frame_rate: Fraction
    pixel_format: PixelFormat

    @property
    def bit_depth(self) -> int:
        """The bits of a sample: 8 or 10."""
        return 10 if self.pixel_format.endswith("10le") else 8

    @property
    def peak(self) -> int:
        """The largest value that a sample can have."""
        return (1 << self.bit_depth) - 1

    @property
    def sample_type(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.bit_depth == 8 else "<u2")

    @property
    def planes(self) -> tuple[str, ...]:
        """The name of each plane. RGB is one plane, whose channels are interleaved."""
        return ("rgb",) if self.pixel_format == "rgb24" else ("y", "u", "v")

    @property
    def subsampling(self) -> tuple[int, int]:
        """How many luma columns, and how many luma rows, there are for one of chroma."""
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
        """The number of pixels of all frames together, by which bits per pixel divide."""
        return self.width * self.height * self.frames

    @property
    def duration_seconds(self) -> float:
        return float(self.frames / self.frame_rate)

    def split(self, frame: bytes | bytearray) -> list[Frame]:
        """The planes of one frame, from its bytes. The arrays are read-only views if ``frame`` is `bytes`."""
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
        size_bytes = self.path.stat().st_size if self.path.exists() else 0
        expected_bytes = self.format.size_bytes
        if size_bytes != expected_bytes:
            raise DecodeError(
                f"{printable(self.path.name)}: expected {self.format} ({expected_bytes:,} bytes), "
                f"found {size_bytes:,} bytes ({size_bytes / self.format.frame_bytes:.2f} frames)."
            )

    def read_frame_bytes(self) -> Iterator[bytes]:
        """The bytes of each frame in turn. One frame at a time is in memory, however long the file is.

        Raises `DecodeError` if the file holds more or less than its format says.
        """
        self.check_size()
        with self.path.open("rb", buffering=0) as file:
            for _ in range(self.format.frames):
                yield file.read(self.format.frame_bytes)

    def read_frames(self) -> Iterator[list[Frame]]:
        """The planes of each frame in turn, as read-only arrays. Raises what `read_frame_bytes` raises."""
        return map(self.format.split, self.read_frame_bytes())

    def read_frame(self, index: int) -> list[Frame]:
        """The planes of the frame at ``index``, which counts from 0. Raises what `read_frame_bytes` raises."""
        self.check_size()
        with self.path.open("rb") as file:
            file.seek(index * self.format.frame_bytes)
            return self.format.split(file.read(self.format.frame_bytes))

    def read_luma(self, index: int) -> Frame:
        """The Y plane of the frame at ``index`` of a YUV video, of shape (height, width). Nothing else is read."""
        form = self.format
        with self.path.open("rb", buffering=0) as file:
            file.seek(index * form.frame_bytes)
            data = file.read(form.width * form.height * form.sample_type.itemsize)
        return np.frombuffer(data, form.sample_type).reshape(form.height, form.width)

    def sha256(self) -> str:
        return file_sha256(self.path)
