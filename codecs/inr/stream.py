"""The container of every implicit codec: a file that a decoder needs nothing beside.

    magic "INRV", format version (u8), CRC-32 of all that follows (u32)
    header: length (u16), then MessagePack [codec, codec version, parameters, precision, width,
            height, frames, frame rate numerator, frame rate denominator]
    scales: count (u16), then one float32 step a tensor, in the network's order
    weights: length (u32), entropy-coded integers
    biases: length (u32), entropy-coded integers

Integers and floats of fixed width are little-endian.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from bench.errors import StreamError
from bench.video.raw import VideoFormat

from .entropy import decode_integers, encode_integers
from .quantise import QuantisedTensor
from .render import Precision
from .representation import TensorKind

MAGIC = b"INRV"
FORMAT_VERSION = 2
PRECISIONS = get_args(Precision)
PROLOGUE = struct.Struct("<4sBI")
U16 = struct.Struct("<H")
U32 = struct.Struct("<I")
LARGEST_PIXELS = 1 << 40


@dataclass(frozen=True)
class Header:
    """Which network the stream holds. ``parameters`` are the codec's own, in its fields' order;
    ``precision`` is the least in which it must be computed."""

    codec: str
    codec_version: int
    parameters: list[Any]
    precision: Precision
    video: VideoFormat


@dataclass(frozen=True)
class Sections:
    """The stream taken apart, each part still coded."""

    header: bytes
    scales: bytes
    weights: bytes
    biases: bytes


def write_stream(path: Path, header: Header, tensors: list[QuantisedTensor]) -> None:
    """Write a stream of ``tensors``, in the network's order."""
    video, rate = header.video, header.video.frame_rate
    facts = [header.codec, header.codec_version, header.parameters, PRECISIONS.index(header.precision)]
    facts += [video.width, video.height, video.frames, rate.numerator, rate.denominator]
    coded = msgspec.msgpack.encode(facts)
    body = U16.pack(len(coded)) + coded
    body += U16.pack(len(tensors)) + np.array([tensor.step for tensor in tensors], "<f4").tobytes()
    for kind in ("weight", "bias"):
        section = encode_integers([tensor.integers for tensor in tensors if tensor.kind == kind])
        body += U32.pack(len(section)) + section
    path.write_bytes(PROLOGUE.pack(MAGIC, FORMAT_VERSION, zlib.crc32(body)) + body)


def read_header(path: Path) -> Header:
    """The header of a stream. Raises `StreamError` unless the file is whole."""
    try:
        kind = tuple[str, int, list[Any], int, int, int, int, int, int]
        facts = msgspec.msgpack.decode(_sections(path).header, type=kind)
    except msgspec.DecodeError as error:
        raise StreamError(f"{path.name}: the header is damaged: {error}.") from error
    codec, version, parameters, precision, width, height, frames, numerator, denominator = facts
    if not 0 <= precision < len(PRECISIONS):
        raise StreamError(f"{path.name}: the header asks for precision {precision}, which there is not.")
    if min(width, height, frames, numerator, denominator) < 1 or width * height * frames > LARGEST_PIXELS:
        raise StreamError(f"{path.name}: the header asks for {frames} frames of {width}x{height}.")
    video = VideoFormat(width, height, frames, Fraction(numerator, denominator), "rgb24")
    return Header(codec, version, parameters, PRECISIONS[precision], video)


def read_stream(path: Path, expected: list[tuple[TensorKind, tuple[int, ...]]]) -> list[QuantisedTensor]:
    """The tensors of a stream whose network expects these kinds and shapes, in this order."""
    sections = _sections(path)
    if len(sections.scales) != 4 * len(expected):
        found = len(sections.scales) / 4
        raise StreamError(f"{path.name}: the network has {len(expected)} tensors, the stream {found:g} scales.")
    steps = np.frombuffer(sections.scales, "<f4")
    if not np.isfinite(steps).all():
        raise StreamError(f"{path.name}: a scale is not finite.")
    coded: dict[TensorKind, bytes] = {"weight": sections.weights, "bias": sections.biases}
    integers = {
        kind: iter(decode_integers(data, [shape for k, shape in expected if k == kind])) for kind, data in coded.items()
    }
    return [
        QuantisedTensor(kind, next(integers[kind]), float(step))
        for (kind, _), step in zip(expected, steps, strict=True)
    ]


def split_bytes(path: Path) -> dict[str, int]:
    """The bytes of a stream by purpose; lengths and prologue count as header."""
    sections = _sections(path)
    parts = {"weights": len(sections.weights), "biases": len(sections.biases), "scales": len(sections.scales)}
    return parts | {"header": path.stat().st_size - sum(parts.values())}


def _sections(path: Path) -> Sections:
    data = path.read_bytes()
    if not data:
        raise StreamError(f"{path.name} is empty.")
    if data[:4] != MAGIC:
        raise StreamError(
            f"{path.name} is not a stream of an implicit codec: it begins with {data[:4]!r}, not {MAGIC!r}."
        )
    if len(data) < PROLOGUE.size:
        raise StreamError(f"{path.name} is truncated: {len(data)} bytes.")
    _, version, checksum = PROLOGUE.unpack_from(data)
    if version != FORMAT_VERSION:
        raise StreamError(f"{path.name} has format version {version}; this program reads version {FORMAT_VERSION}.")
    body = data[PROLOGUE.size :]
    if zlib.crc32(body) != checksum:
        raise StreamError(f"{path.name} is truncated or damaged: its checksum does not match ({len(data):,} bytes).")
    return _take_apart(path, body)


def _take_apart(path: Path, body: bytes) -> Sections:
    position = 0

    def take(length: struct.Struct, unit: int) -> bytes:
        nonlocal position
        start = position + length.size
        end = start + unit * length.unpack_from(body, position)[0] if start <= len(body) else math.inf
        if end > len(body):
            raise StreamError(f"{path.name} is damaged: a section ends beyond the file.")
        position = int(end)
        return body[start:position]

    sections = Sections(header=take(U16, 1), scales=take(U16, 4), weights=take(U32, 1), biases=take(U32, 1))
    if position != len(body):
        raise StreamError(f"{path.name} is damaged: {len(body) - position} bytes follow its last section.")
    return sections
