"""Quantisation, entropy coding and the container of the implicit codecs."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codecs.inr.codec import codec_of
from bench.codecs.inr.entropy import decode_integers, encode_integers
from bench.codecs.inr.quantise import QuantisedTensor, dequantise, quantise
from bench.codecs.inr.representation import NamedTensor
from bench.codecs.inr.stream import Header, read_header, read_stream, split_bytes, write_stream
from bench.codecs.nerv import NeRV
from bench.errors import CodecError, StreamError
from bench.video.raw import VideoFormat

VIDEO = VideoFormat(320, 180, 32, Fraction(30000, 1001), "rgb24")


@given(st.lists(st.lists(st.integers(-128, 127), max_size=40), max_size=6))
@settings(max_examples=60, deadline=None)
def test_integers_round_trip(tensors: list[list[int]]) -> None:
    """Any tensors of 8-bit integers come back, empty ones too."""
    arrays = [np.array(tensor, np.int32) for tensor in tensors]
    decoded = decode_integers(encode_integers(arrays), [array.shape for array in arrays])
    assert [array.tolist() for array in decoded] == tensors


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"not brotli at all", encode_integers([np.arange(100, dtype=np.int32)])]
)
def test_damaged_integers_are_refused(data: bytes) -> None:
    """Whatever is not exactly the expected integers is an error."""
    with pytest.raises(StreamError):
        decode_integers(data, [(7, 3)])


def test_a_decompression_bomb_is_not_unpacked() -> None:
    """A small stream of very many zeros fails without taking their memory."""
    bomb = encode_integers([np.zeros(50_000_000, np.int32)])
    assert len(bomb) < 1000
    with pytest.raises(StreamError, match="expected 10 integers"):
        decode_integers(bomb, [(10,)])


@pytest.mark.parametrize("bits", [2, 4, 6, 8])
def test_quantisation_error_is_at_most_half_a_step(bits: int) -> None:
    """Uniform reconstruction with 2^bits - 1 levels, zero and the largest weight among them."""
    values = torch.randn(30, 20, generator=torch.Generator().manual_seed(1))
    values[0, 0] = 0
    tensor = quantise(NamedTensor("w", "weight", values), bits)
    assert np.abs(tensor.integers).max() == 2 ** (bits - 1) - 1
    error = (dequantise(tensor) - values).abs().max()
    assert float(error) <= tensor.step / 2 * 1.0001
    assert tensor.integers[0, 0] == 0


def test_a_tensor_of_zeros_needs_no_step() -> None:
    """No division by zero, and zeros come back."""
    tensor = quantise(NamedTensor("w", "weight", torch.zeros(3, 4)), 6)
    assert dequantise(tensor).tolist() == [[0.0] * 4] * 3


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_diverged_weights_are_a_named_error(bad: float) -> None:
    """Rather than a stream of nonsense."""
    with pytest.raises(CodecError, match="diverged"):
        quantise(NamedTensor("stem.0.weight", "weight", torch.tensor([1.0, bad])), 8)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A small whole stream."""
    codec = NeRV(fc_dim=1, lower_width=2, stem_dim=2, levels=4)
    tensors = [quantise(tensor, 6) for tensor in codec.network(VIDEO).tensors()]
    values = [getattr(codec, name) for name in codec.network_fields()]
    path = tmp_path / "small.inr"
    write_stream(path, Header("nerv", NeRV.version, values, "bfloat16", VIDEO), tensors)
    return path


def test_the_header_describes_the_codec_and_the_video(stream: Path) -> None:
    """All that a decoder needs to build the network, the exact frame rate included."""
    header = read_header(stream)
    assert header.video == VIDEO
    assert header.precision == "bfloat16"
    codec = codec_of(header)
    assert isinstance(codec, NeRV)
    assert (codec.fc_dim, codec.lower_width, codec.stem_dim, codec.levels) == (1, 2, 2, 4)


def test_tensors_round_trip_exactly(tmp_path: Path) -> None:
    """Integers and float32 steps, in the network's order."""
    rng = np.random.default_rng(0)
    tensors = [
        QuantisedTensor("weight", rng.integers(-31, 32, (4, 3, 3, 3)).astype(np.int32), float(np.float32(0.1))),
        QuantisedTensor("bias", rng.integers(-127, 128, 4).astype(np.int32), float(np.float32(1e-6))),
        QuantisedTensor("weight", np.zeros((2, 2), np.int32), 0.0),
    ]
    path = tmp_path / "t.inr"
    write_stream(path, Header("nerv", 1, [], "float32", VIDEO), tensors)
    decoded = read_stream(path, [(t.kind, t.integers.shape) for t in tensors])
    for before, after in zip(tensors, decoded, strict=True):
        assert after.kind == before.kind
        assert after.step == before.step
        np.testing.assert_array_equal(after.integers, before.integers)


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
            read_header(damaged)


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
    header = Header("nerv", NeRV.version, [2, 1.0, 4, 8, 4], "float32", VIDEO)
    path = tmp_path / "odd.inr"
    write_stream(path, dataclasses.replace(header, **change), [])  # type: ignore[arg-type]
    with pytest.raises(StreamError):
        codec_of(read_header(path))
