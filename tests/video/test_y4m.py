"""YUV4MPEG2, there and back, and in pieces."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.errors import StreamError
from bench.video import ffmpeg
from bench.video.raw import YUV_FORMATS, PixelFormat, RawVideo, VideoFormat
from bench.video.y4m import read_y4m, write_y4m


def planted(
    folder: Path,
    width: int = 6,
    height: int = 4,
    rate: Fraction = Fraction(25),
    pixel_format: PixelFormat = "yuv420p",
) -> RawVideo:
    """Three noisy frames."""
    form = VideoFormat(width, height, 3, rate, pixel_format)
    video = RawVideo(folder / "planted.yuv", form)
    samples = np.random.default_rng(5).integers(0, form.peak, form.size_bytes // form.sample_type.itemsize)
    video.path.write_bytes(samples.astype(form.sample_type).tobytes())
    return video


@pytest.mark.parametrize(("width", "height"), [(6, 4), (5, 3), (1, 1), (320, 180)])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize("pixel_format", YUV_FORMATS)
def test_round_trip(width: int, height: int, rate: Fraction, pixel_format: PixelFormat, tmp_path: Path) -> None:
    """Frames and format come back exactly, odd sizes and broken rates included."""
    video = planted(tmp_path, width, height, rate, pixel_format)
    write_y4m(video, tmp_path / "a.y4m")
    assert read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv") == video.format
    assert (tmp_path / "b.yuv").read_bytes() == video.path.read_bytes()


def test_frames_that_look_like_headers(tmp_path: Path) -> None:
    """Samples are never searched for markers."""
    video = planted(tmp_path, 6, 4)
    video.path.write_bytes((b"FRAME\n" * 18)[: video.format.size_bytes])
    write_y4m(video, tmp_path / "a.y4m")
    assert read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv").frames == 3


@pytest.mark.parametrize(("width", "height"), [(6, 4), (5, 3)])
@pytest.mark.parametrize("pixel_format", YUV_FORMATS)
def test_ffmpeg_reads_the_same(width: int, height: int, pixel_format: PixelFormat, tmp_path: Path) -> None:
    """What is written is what others take for YUV4MPEG2."""
    video = planted(tmp_path, width, height, pixel_format=pixel_format)
    write_y4m(video, tmp_path / "a.y4m")
    command = [ffmpeg.binary(), "-v", "error", "-i", str(tmp_path / "a.y4m"), "-f", "rawvideo", "-"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == video.path.read_bytes()


@pytest.mark.parametrize("colour", ["420", "420jpeg", "420mpeg2", "420paldv", None])
def test_kinds_of_420_are_read(colour: str | None, tmp_path: Path) -> None:
    """They differ in where chroma is sampled, not in bytes; without the tag it is 4:2:0."""
    tag = f" C{colour}" if colour else ""
    (tmp_path / "a.y4m").write_bytes(f"YUV4MPEG2 W2 H2 F25:1{tag}\nFRAME Ip\n".encode() + bytes(6))
    assert str(read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv")) == "1 frames of 2x2 yuv420p"


@pytest.mark.parametrize("colour", ["420p12", "mono", "mono16", "411", "440", "444alpha"])
def test_other_samplings_are_refused_with_a_cure(colour: str, tmp_path: Path) -> None:
    """By the name that the header has for them."""
    (tmp_path / "a.y4m").write_bytes(f"YUV4MPEG2 W2 H2 F25:1 C{colour}\nFRAME\n".encode() + bytes(6))
    with pytest.raises(StreamError, match=rf"a\.y4m holds {colour}; what can be read is .*ffmpeg's -pix_fmt\.$"):
        read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv")


def test_extensions_and_parameters_are_legal(tmp_path: Path) -> None:
    """Fields in any order, long ones, and parameters of single frames; they do not change samples."""
    video = planted(tmp_path)
    frames = [b"FRAME Ippp XFOO=BAR\n" + frame for frame in video.read_frame_bytes()]
    header = b"YUV4MPEG2 F25:1 XYSCSS=420JPEG H4 A0:0 C420jpeg X" + b"z" * 5000 + b" Ip W6\n"
    (tmp_path / "a.y4m").write_bytes(header + b"".join(frames))
    assert read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv") == video.format
    assert (tmp_path / "b.yuv").read_bytes() == video.path.read_bytes()


HEADER = b"YUV4MPEG2 W2 H2 F25:1 C420jpeg\n"
FRAME = b"FRAME\n" + bytes(6)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a YUV4MPEG2 file"),
        (b"RIFF....AVI ", "not a YUV4MPEG2 file"),
        (b"YUV4MPEG2", "not a YUV4MPEG2 file"),
        (HEADER[:-1], "not a YUV4MPEG2 file"),
        (b"YUV4MPEG2 " + b"X" * 300 + b"\n", "damaged header"),
        (HEADER, "holds no frames"),
        (HEADER.replace(b"420jpeg", b"440") + FRAME, "holds 440"),
        (HEADER.replace(b"420jpeg", b"420p12") + FRAME, "holds 420p12"),
        (HEADER.replace(b"W2 ", b"W2 XCOLORRANGE=FULL ") + FRAME, "full range"),
        (HEADER.replace(b"W2 ", b"W2 It ") + FRAME, "interlaced"),
        (HEADER.replace(b"W2 ", b"") + FRAME, "damaged header"),
        (HEADER.replace(b"W2", b"Wtwo") + FRAME, "damaged header"),
        (HEADER.replace(b"25:1", b"25:0") + FRAME, "damaged header"),
        (HEADER.replace(b"25:1", b"25") + FRAME, "damaged header"),
        (HEADER.replace(b"W2", b"W0") + FRAME, "damaged header"),
        (HEADER.replace(b"H2", b"H-2") + FRAME, "damaged header"),
        (HEADER.replace(b"25:1", b"0:1") + FRAME, "damaged header"),
        (HEADER + FRAME[:-1], "truncated or damaged in frame 0"),
        (HEADER + FRAME + b"FRAME\n", "truncated or damaged in frame 1"),
        (HEADER + FRAME + FRAME[:-1], "truncated or damaged in frame 1"),
        (HEADER + FRAME + b"FR", "truncated or damaged in frame 1"),
        (HEADER + FRAME + bytes(12), "truncated or damaged in frame 1"),
        (HEADER + FRAME + FRAME + b"\n", "truncated or damaged in frame 2"),
    ],
)
def test_damaged_file_is_rejected(data: bytes, said: str, tmp_path: Path) -> None:
    """Whatever is wrong, and it says what."""
    (tmp_path / "a.y4m").write_bytes(data)
    with pytest.raises(StreamError, match=said):
        read_y4m(tmp_path / "a.y4m", tmp_path / "b.yuv")
