"""The container of the implicit codecs."""

from __future__ import annotations

import dataclasses
import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.codec import Stopwatch
from bench.codecs.inr.codec import codec_of
from bench.codecs.inr.stream import (
    Header,
    SharedBase,
    Stream,
    header_bytes,
    read_stream,
    split_bytes,
    syntax_table,
    write_stream,
)
from bench.codecs.inr.weights import deepcabac, huffman
from bench.codecs.inr.weights.coder import CodedTensors, CoderName
from bench.codecs.nerv import NeRV
from bench.errors import CodecError, StreamError
from bench.video.raw import VideoFormat

VIDEO = VideoFormat(320, 180, 32, Fraction(30000, 1001), "rgb24")
SMALL = NeRV(fc_dim=1, lower_width=2, stem_dim=2, levels=4)
ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(__file__).parent / "vectors"


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A small whole stream."""
    path = tmp_path / "small.inr"
    torch.manual_seed(0)
    SMALL.encode_untrained(VIDEO, path)
    return path


def test_the_header_describes_the_codec_and_the_video(stream: Path) -> None:
    """All that a decoder needs to build the network, the exact frame rate included."""
    header = read_stream(stream).header
    assert header.video == VIDEO
    assert (header.coder, header.matrix) == ("deepcabac", "bt601")
    codec = codec_of(header)
    assert isinstance(codec, NeRV)
    assert (codec.fc_dim, codec.lower_width, codec.stem_dim, codec.levels) == (1, 2, 2, 4)


def test_the_ledger_sums_to_the_file(stream: Path) -> None:
    """Every byte has a purpose, and the header is small."""
    ledger = split_bytes(stream)
    assert sum(ledger.values()) == stream.stat().st_size
    assert ledger["header"] == header_bytes(read_stream(stream).header, 3) < 70


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
        {"network_version": 99},
        {"parameters": [1]},
        {"parameters": ["wide", 1.0, 4, 8, 4]},
        {"video": dataclasses.replace(VIDEO, frames=0)},
        {"video": dataclasses.replace(VIDEO, width=2**16 - 1, height=2**16 - 1, frames=10**6)},
        {"video": dataclasses.replace(VIDEO, frame_rate=Fraction(1, 2**32 - 1))},
    ],
)
def test_a_whole_stream_with_a_senseless_header_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """Valid checksum, impossible content."""
    header = Header("nerv", NeRV.network_version, [2, 1.0, 4, 8, 4], "deepcabac", "float32", "bt601", VIDEO)
    path = tmp_path / "odd.inr"
    write_stream(path, Stream(dataclasses.replace(header, **change), CodedTensors(b"")))  # type: ignore[arg-type]
    with pytest.raises(StreamError):
        codec_of(read_stream(path).header)


@pytest.mark.parametrize(
    ("coder", "digest"),
    [("deepcabac", "f02926b130be2d1c"), ("dependent", "5ccafeb22b2f5144"), ("huffman", "e13c5ae2999b3cc7")],
)
def test_streams_of_earlier_versions_are_still_read(coder: CoderName, digest: str) -> None:
    """Committed streams of format version 4 (a NeRV of untrained weights, 6 bits, 5 for huffman), and what
    their levels or symbols were when they were written."""
    stream = read_stream(VECTORS / f"{coder}.inr")
    header, coded = stream.header, stream.coded
    assert (header.coder, header.parameters) == (coder, [2, 1.0, 4, 4, 4])
    network = NeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4).network(header.video)
    found = []
    for purpose, data in coded.tensors.items():
        sizes = [tensor.values.numel() for tensor in network.sent() if tensor.purpose == purpose]
        if coder == "huffman":
            found.append(huffman.decode(data, np.frombuffer(coded.scales, np.uint8, 34, 2), sum(sizes)))
        else:
            found += deepcabac.decode(data, sizes, coder == "dependent")
    joined = np.concatenate([levels.astype("<i4") for levels in found])
    assert hashlib.sha256(joined.tobytes()).hexdigest()[:16] == digest


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="the sources are not here")
def test_the_documentation_is_of_this_syntax() -> None:
    """`docs/bitstream.md` has the table that the container is written by."""
    assert syntax_table() in (ROOT / "docs" / "bitstream.md").read_text(encoding="utf-8")


def test_the_ledger_has_a_line_for_each_section(stream: Path) -> None:
    """And one for all that is no section."""
    assert list(split_bytes(stream)) == ["biases", "weights", "scales", "header"]


def test_an_unknown_format_version_is_named(stream: Path) -> None:
    """With the one that is known."""
    data = bytearray(stream.read_bytes())
    data[4] = 9
    stream.write_bytes(bytes(data))
    with pytest.raises(StreamError, match=r"version 9.*version 4"):
        read_stream(stream)


def test_any_sections_come_back(tmp_path: Path) -> None:
    """Embeddings, grids, key frames that another codec coded, and what must be given beside the stream."""
    header = Header("nerv", NeRV.network_version, [2, 1.0, 4, 8, 4], "deepcabac", "float32", "bt709", VIDEO)
    header = dataclasses.replace(header, base=SharedBase("base-1", "ab" * 32, 12_345_678))
    coded = CodedTensors(b"scales", {"weights": b"w", "embeddings": b"", "grids": b"grid"})
    written = Stream(header, coded, {"key_frames": b"an AV1 stream"})
    path = tmp_path / "all.inr"
    write_stream(path, written)
    assert read_stream(path) == written
    ledger = split_bytes(path)
    assert ledger == {
        "key_frames": 13,
        "grids": 4,
        "embeddings": 0,
        "weights": 1,
        "scales": 6,
        "header": header_bytes(header, 5),
    }
    assert sum(ledger.values()) == path.stat().st_size


def test_a_stream_that_needs_a_file_beside_it_is_refused(tmp_path: Path) -> None:
    """Nothing is decoded without what the stream says that it needs; its name and size are in the message."""
    path = tmp_path / "based.inr"
    torch.manual_seed(0)
    SMALL.encode_untrained(VIDEO, path)
    content = read_stream(path)
    based = dataclasses.replace(content.header, base=SharedBase("base-1", "ab" * 32, 12_345_678))
    write_stream(path, dataclasses.replace(content, header=based))
    with pytest.raises(StreamError, match=r"base-1 \(12,345,678 bytes"):
        NeRV.decode(path, tmp_path / "frames.raw", Stopwatch())
    write_stream(path, dataclasses.replace(content, attachments={"key_frames": b"x"}))
    with pytest.raises(StreamError, match="key_frames"):
        NeRV.decode(path, tmp_path / "frames.raw", Stopwatch())


def test_what_has_no_room_in_a_header_is_a_named_error(tmp_path: Path) -> None:
    """A length of one byte ends at 255."""
    header = Header("nerv", NeRV.network_version, [1.5] * 40, "deepcabac", "float32", "bt601", VIDEO)
    with pytest.raises(CodecError, match=r"no room for parameters of 363 bytes"):
        write_stream(tmp_path / "large.inr", Stream(header, CodedTensors(b"")))
