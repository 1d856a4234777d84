"""The container of every implicit codec: a file that a decoder needs nothing beside.

    magic "INRV", format version (u8), CRC-32 of all that follows (u32)
    header: length (u16), then MessagePack [codec, codec version, parameters, coder, precision,
            width, height, frames, frame rate numerator, frame rate denominator]
    scales: length (u32), what the weight coder needs to understand the others
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
from typing import Any, Literal, get_args

import msgspec

from bench.errors import StreamError
from bench.video.raw import VideoFormat

from .render import PRECISIONS, Precision
from .weights import CodedTensors

MAGIC = b"INRV"
FORMAT_VERSION = 2
CoderName = Literal["uniform", "huffman"]
CODER_NAMES: tuple[CoderName, ...] = get_args(CoderName)
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
    coder: CoderName
    precision: Precision
    video: VideoFormat


def write_stream(path: Path, header: Header, coded: CodedTensors) -> None:
    """Write a stream of a network's tensors."""
    video, rate = header.video, header.video.frame_rate
    facts = [header.codec, header.codec_version, header.parameters]
    facts += [CODER_NAMES.index(header.coder), PRECISIONS.index(header.precision)]
    facts += [video.width, video.height, video.frames, rate.numerator, rate.denominator]
    packed = msgspec.msgpack.encode(facts)
    body = U16.pack(len(packed)) + packed
    for section in (coded.scales, coded.weights, coded.biases):
        body += U32.pack(len(section)) + section
    path.write_bytes(PROLOGUE.pack(MAGIC, FORMAT_VERSION, zlib.crc32(body)) + body)


def read_stream(path: Path) -> tuple[Header, CodedTensors]:
    """What `write_stream` wrote. Raises `StreamError` unless the file is whole."""
    packed, coded = _sections(path)
    try:
        facts = msgspec.msgpack.decode(packed, type=tuple[str, int, list[Any], int, int, int, int, int, int, int])
    except msgspec.DecodeError as error:
        raise StreamError(f"{path.name}: the header is damaged: {error}.") from error
    codec, version, parameters, coder, precision, width, height, frames, numerator, denominator = facts
    if not (0 <= coder < len(CODER_NAMES) and 0 <= precision < len(PRECISIONS)):
        raise StreamError(f"{path.name}: the header asks for coder {coder} and precision {precision}.")
    if min(width, height, frames, numerator, denominator) < 1 or width * height * frames > LARGEST_PIXELS:
        raise StreamError(f"{path.name}: the header asks for {frames} frames of {width}x{height}.")
    video = VideoFormat(width, height, frames, Fraction(numerator, denominator), "rgb24")
    return Header(codec, version, parameters, CODER_NAMES[coder], PRECISIONS[precision], video), coded


def split_bytes(path: Path) -> dict[str, int]:
    """The bytes of a stream by purpose; lengths and prologue count as header."""
    _, coded = _sections(path)
    parts = {"weights": len(coded.weights), "biases": len(coded.biases), "scales": len(coded.scales)}
    return parts | {"header": path.stat().st_size - sum(parts.values())}


def _sections(path: Path) -> tuple[bytes, CodedTensors]:
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


def _take_apart(path: Path, body: bytes) -> tuple[bytes, CodedTensors]:
    position = 0

    def take(length: struct.Struct) -> bytes:
        nonlocal position
        start = position + length.size
        end = start + length.unpack_from(body, position)[0] if start <= len(body) else math.inf
        if end > len(body):
            raise StreamError(f"{path.name} is damaged: a section ends beyond the file.")
        position = int(end)
        return body[start:position]

    packed = take(U16)
    coded = CodedTensors(scales=take(U32), weights=take(U32), biases=take(U32))
    if position != len(body):
        raise StreamError(f"{path.name} is damaged: {len(body) - position} bytes follow its last section.")
    return packed, coded
