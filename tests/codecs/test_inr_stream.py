"""The container of the implicit codecs."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest

from bench.codecs.inr.codec import codec_of
from bench.codecs.inr.stream import Header, read_stream, split_bytes, write_stream
from bench.codecs.inr.weights import CodedTensors
from bench.codecs.nerv import NeRV
from bench.errors import StreamError
from bench.video.raw import VideoFormat

VIDEO = VideoFormat(320, 180, 32, Fraction(30000, 1001), "rgb24")


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A small whole stream."""
    codec = NeRV(fc_dim=1, lower_width=2, stem_dim=2, levels=4)
    path = tmp_path / "small.inr"
    network = codec.network(VIDEO)
    write_stream(path, codec.header(VIDEO, "bfloat16"), codec.coded(network))
    return path


def test_the_header_describes_the_codec_and_the_video(stream: Path) -> None:
    """All that a decoder needs to build the network, the exact frame rate included."""
    header, _ = read_stream(stream)
    assert header.video == VIDEO
    assert (header.coder, header.precision) == ("uniform", "bfloat16")
    codec = codec_of(header)
    assert isinstance(codec, NeRV)
    assert (codec.fc_dim, codec.lower_width, codec.stem_dim, codec.levels) == (1, 2, 2, 4)


def test_the_ledger_sums_to_the_file(stream: Path) -> None:
    """Every byte has a purpose, and the header is small."""
    ledger = split_bytes(stream)
    assert sum(ledger.values()) == stream.stat().st_size
    assert ledger["header"] < 80


def test_every_truncation_and_every_flipped_byte_is_refused(stream: Path, tmp_path: Path) -> None:
    """The checksum covers all that follows it, the magic and version what stands before."""
    data = stream.read_bytes()
    damaged = tmp_path / "damaged.inr"
    cuts = [data[:n] for n in range(len(data))]
    flips = [data[:i] + bytes([data[i] ^ 0x40]) + data[i + 1 :] for i in range(len(data))]
    for content in [*cuts, *flips, data + b"\0"]:
        damaged.write_bytes(content)
        with pytest.raises(StreamError):
            read_stream(damaged)


@pytest.mark.parametrize(
    "change",
    [
        {"codec": "h264"},
        {"codec": "x264"},
        {"codec_version": 99},
        {"parameters": [1]},
        {"parameters": ["wide", 1.0, 4, 8, 4]},
        {"video": dataclasses.replace(VIDEO, frames=0)},
        {"video": dataclasses.replace(VIDEO, width=10**6, height=10**6, frames=10**6)},
    ],
)
def test_a_whole_stream_with_a_senseless_header_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """Valid checksum, impossible content."""
    header = Header("nerv", NeRV.version, [2, 1.0, 4, 8, 4], "uniform", "float32", VIDEO)
    path = tmp_path / "odd.inr"
    write_stream(path, dataclasses.replace(header, **change), CodedTensors(b"", b"", b""))  # type: ignore[arg-type]
    with pytest.raises(StreamError):
        codec_of(read_stream(path)[0])
