"""The container of the implicit codecs."""

from __future__ import annotations

import dataclasses
import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.codecs.inr.codec import codec_of
from bench.codecs.inr.stream import FIELDS, Header, header_bytes, read_stream, split_bytes, syntax_table, write_stream
from bench.codecs.inr.weights import deepcabac, huffman
from bench.codecs.inr.weights.coder import CodedTensors, CoderName
from bench.codecs.nerv import NeRV
from bench.errors import StreamError
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
    header, _ = read_stream(stream)
    assert header.video == VIDEO
    assert (header.coder, header.matrix) == ("deepcabac", "bt601")
    codec = codec_of(header)
    assert isinstance(codec, NeRV)
    assert (codec.fc_dim, codec.lower_width, codec.stem_dim, codec.levels) == (1, 2, 2, 4)


def test_the_ledger_sums_to_the_file(stream: Path) -> None:
    """Every byte has a purpose, and the header is small."""
    ledger = split_bytes(stream)
    assert sum(ledger.values()) == stream.stat().st_size
    assert ledger["header"] == header_bytes(read_stream(stream)[0]) < 70


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
        {"video": dataclasses.replace(VIDEO, width=2**16 - 1, height=2**16 - 1, frames=10**6)},
        {"video": dataclasses.replace(VIDEO, frame_rate=Fraction(1, 2**32 - 1))},
    ],
)
def test_a_whole_stream_with_a_senseless_header_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    """Valid checksum, impossible content."""
    header = Header("nerv", NeRV.version, [2, 1.0, 4, 8, 4], "deepcabac", "float32", "bt601", VIDEO)
    path = tmp_path / "odd.inr"
    write_stream(path, dataclasses.replace(header, **change), CodedTensors(b"", b"", b""))  # type: ignore[arg-type]
    with pytest.raises(StreamError):
        codec_of(read_stream(path)[0])


@pytest.mark.parametrize(
    ("coder", "digest"),
    [("deepcabac", "f02926b130be2d1c"), ("dependent", "5ccafeb22b2f5144"), ("huffman", "e13c5ae2999b3cc7")],
)
def test_streams_of_earlier_versions_are_still_read(coder: CoderName, digest: str) -> None:
    """Committed streams of format version 3 (a NeRV of untrained weights, 6 bits, 5 for huffman), and what
    their levels or symbols were when they were written."""
    header, coded = read_stream(VECTORS / f"{coder}.inr")
    assert (header.coder, header.parameters) == (coder, [2, 1.0, 4, 4, 4])
    network = NeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4).network(header.video)
    sizes = {kind: [t.values.numel() for t in network.tensors() if t.kind == kind] for kind in ("weight", "bias")}
    if coder == "huffman":
        lengths = np.frombuffer(coded.scales, np.uint8, 34, 2)
        found = [huffman.decode(coded.weights, lengths, sum(sizes["weight"]))]
        found += [huffman.decode(coded.biases, lengths, sum(sizes["bias"]))]
    else:
        found = deepcabac.decode(coded.weights, sizes["weight"], coder == "dependent")
        found += deepcabac.decode(coded.biases, sizes["bias"], coder == "dependent")
    joined = np.concatenate([levels.astype("<i4") for levels in found])
    assert hashlib.sha256(joined.tobytes()).hexdigest()[:16] == digest


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="the sources are not here")
def test_the_documentation_is_of_this_syntax() -> None:
    """`docs/bitstream.md` has the table that the container is written by."""
    assert syntax_table() in (ROOT / "docs" / "bitstream.md").read_text(encoding="utf-8")


def test_what_counts_as_what_is_in_the_fields(stream: Path) -> None:
    """The ledger has the fields' purposes, and no others."""
    assert set(split_bytes(stream)) == {field.purpose for field in FIELDS}


def test_an_unknown_format_version_is_named(stream: Path) -> None:
    """With the one that is known."""
    data = bytearray(stream.read_bytes())
    data[4] = 9
    stream.write_bytes(bytes(data))
    with pytest.raises(StreamError, match=r"version 9.*version 3"):
        read_stream(stream)
