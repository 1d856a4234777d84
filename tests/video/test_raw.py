"""Raw frames on disk, of every size."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DecodeError
from bench.files import file_sha256
from bench.video.raw import PixelFormat, RawVideo, VideoFormat

SIZES = [(4, 2), (5, 2), (4, 3), (5, 3), (1, 1), (321, 181)]


def planted(path: Path, width: int, height: int, pixel_format: PixelFormat = "yuv420p", frames: int = 2) -> RawVideo:
    """A video whose bytes count up, so that every sample says where it lies."""
    form = VideoFormat(width, height, frames, Fraction(25), pixel_format)
    path.write_bytes((np.arange(form.size_bytes) % 251).astype(np.uint8).tobytes())
    return RawVideo(path, form)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_planes_of_any_size(width: int, height: int, tmp_path: Path) -> None:
    """Chroma of odd sizes is rounded up, and each plane lies where the one before it ends."""
    video = planted(tmp_path / "a.yuv", width, height)
    data = video.path.read_bytes()
    columns, rows = -(-width // 2), -(-height // 2)
    size = width * height + 2 * rows * columns
    assert video.format.frame_bytes == size
    assert video.format.size_bytes == 2 * size == len(data)
    frames = list(video.read_frames())
    assert len(frames) == 2
    for number, (y, u, v) in enumerate(frames):
        assert (y.shape, u.shape, v.shape) == ((height, width), (rows, columns), (rows, columns))
        assert y.tobytes() + u.tobytes() + v.tobytes() == data[number * size :][:size]
        assert u[0, 0] == data[number * size + width * height]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_rgb_is_one_interleaved_plane(width: int, height: int, tmp_path: Path) -> None:
    """Of three samples a pixel."""
    video = planted(tmp_path / "a.rgb", width, height, "rgb24")
    data = video.path.read_bytes()
    for number, (picture,) in enumerate(video.read_frames()):
        assert picture.shape == (height, width, 3)
        last = (number + 1) * 3 * width * height
        assert picture[-1, -1].tolist() == list(data[last - 3 : last])


def test_rate_counts_luma_samples() -> None:
    """Bits per pixel are per pixel, whatever the format."""
    for pixel_format in ("yuv420p", "rgb24"):
        form = VideoFormat(320, 180, 4, Fraction(30000, 1001), pixel_format)
        assert form.pixels == 230_400
        assert form.duration_seconds == pytest.approx(4 * 1001 / 30000)


@pytest.mark.parametrize("difference", [-1, 1, -6, 6])
def test_file_of_another_size_is_an_error(difference: int, tmp_path: Path) -> None:
    """Never trimmed, never padded."""
    video = planted(tmp_path / "a.yuv", 2, 2)
    data = video.path.read_bytes()
    video.path.write_bytes((data + bytes(6))[: len(data) + difference])
    said = rf"2 frames of 2x2 yuv420p .*\b12 bytes.* {12 + difference} bytes .*\b{(12 + difference) / 6:.2f}"
    for read in (video.check_size, lambda: list(video.read_frame_bytes()), lambda: list(video.read_frames())):
        with pytest.raises(DecodeError, match=said):
            read()


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A decoder that wrote nothing."""
    form = VideoFormat(2, 2, 1, Fraction(25), "yuv420p")
    with pytest.raises(DecodeError, match="found 0 bytes"):
        RawVideo(tmp_path / "none", form).check_size()


def test_frames_cannot_be_written_to(tmp_path: Path) -> None:
    """The source stays what it is."""
    video = planted(tmp_path / "a.yuv", 4, 4)
    with pytest.raises(ValueError, match="read-only"):
        next(iter(video.read_frames()))[0][0, 0] = 1


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 7])
def test_digest_is_of_the_whole_file(size: int, tmp_path: Path) -> None:
    """Also around the size of its blocks."""
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "a").write_bytes(data)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()
