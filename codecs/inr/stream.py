"""The container of every implicit codec: a file that a decoder needs nothing beside.

`FIELDS` is its syntax; `docs/bitstream.md` is made from it, and the ledger adds up by it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.errors import StreamError
from bench.video.colour import MATRICES, Matrix
from bench.video.raw import VideoFormat

from .network.render import PRECISIONS, Precision
from .weights.coder import CODER_NAMES, CodedTensors, CoderName

MAGIC = b"INRV"
FORMAT_VERSION = 3
LARGEST_PIXELS = 1 << 40
LARGEST_RATE = 10_000

Purpose = Literal["header", "scales", "weights", "biases"]


@dataclass(frozen=True)
class Field:
    """One field of the container. ``form`` is a format of `struct`; with ``length``, it is that of the
    number of bytes that follow it."""

    name: str
    form: str
    meaning: str
    length: bool = False
    purpose: Purpose = "header"


FIELDS = (
    Field("magic", "4s", f"`{MAGIC.decode()}`"),
    Field("format_version", "B", f"{FORMAT_VERSION}"),
    Field("checksum", "I", "CRC-32 (zlib's) of all that follows"),
    Field("codec", "B", "the codec's name, in ASCII", length=True),
    Field("codec_version", "B", "of its network; a decoder must have the same"),
    Field("parameters", "B", "MessagePack array of the network's parameters, in its class's order", length=True),
    Field("coder", "B", "of the weights: " + ", ".join(f"{i} {name}" for i, name in enumerate(CODER_NAMES))),
    Field("precision", "B", "to compute in: " + ", ".join(f"{i} {name}" for i, name in enumerate(PRECISIONS))),
    Field("matrix", "B", "that made the RGB source from YUV: " + ", ".join(f"{i} {m}" for i, m in enumerate(MATRICES))),
    Field("width", "H", "samples"),
    Field("height", "H", "samples"),
    Field("frames", "I", "number of frames"),
    Field("rate_numerator", "I", "frames in ..."),
    Field("rate_denominator", "I", "... so many seconds"),
    Field("scales", "I", "what the weight coder needs to understand the others", length=True, purpose="scales"),
    Field("weights", "I", "entropy-coded integers", length=True, purpose="weights"),
    Field("biases", "I", "entropy-coded integers", length=True, purpose="biases"),
)
PROLOGUE = struct.Struct("<" + "".join(field.form for field in FIELDS[:3]))


@dataclass(frozen=True)
class Header:
    """Which network the stream holds. ``parameters`` are the codec's own, in its fields' order;
    ``precision`` is the least in which it must be computed."""

    codec: str
    codec_version: int
    parameters: list[Any]
    coder: CoderName
    precision: Precision
    matrix: Matrix
    video: VideoFormat


def write_stream(path: Path, header: Header, coded: CodedTensors) -> None:
    """Write a stream of a network's tensors."""
    video, rate = header.video, header.video.frame_rate
    values = {
        "codec": header.codec.encode("ascii"),
        "codec_version": header.codec_version,
        "parameters": msgspec.msgpack.encode(header.parameters),
        "coder": CODER_NAMES.index(header.coder),
        "precision": PRECISIONS.index(header.precision),
        "matrix": MATRICES.index(header.matrix),
        "width": video.width,
        "height": video.height,
        "frames": video.frames,
        "rate_numerator": rate.numerator,
        "rate_denominator": rate.denominator,
        "scales": coded.scales,
        "weights": coded.weights,
        "biases": coded.biases,
    }
    body = b""
    for field in FIELDS[3:]:
        value = values[field.name]
        body += struct.pack("<" + field.form, len(value) if isinstance(value, bytes) else value)
        body += value if isinstance(value, bytes) else b""
    path.write_bytes(PROLOGUE.pack(MAGIC, FORMAT_VERSION, zlib.crc32(body)) + body)


def header_bytes(header: Header) -> int:
    """How long the stream of a network is, its sections apart."""
    fixed = sum(struct.calcsize("<" + field.form) for field in FIELDS)
    return fixed + len(header.codec) + len(msgspec.msgpack.encode(header.parameters))


def read_stream(path: Path) -> tuple[Header, CodedTensors]:
    """What `write_stream` wrote. Raises `StreamError` unless the file is whole and makes sense."""
    values = _read_fields(path)
    try:
        name = values["codec"].decode("ascii")
        parameters = msgspec.msgpack.decode(values["parameters"], type=list[Any])
        coder, precision = CODER_NAMES[values["coder"]], PRECISIONS[values["precision"]]
        matrix = MATRICES[values["matrix"]]
        rate = Fraction(values["rate_numerator"], values["rate_denominator"])
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError, ZeroDivisionError) as error:
        raise StreamError(f"{path.name}: the header is damaged: {error}.") from error
    width, height, frames = (values[name] for name in ("width", "height", "frames"))
    if min(width, height, frames) < 1 or width * height * frames > LARGEST_PIXELS:
        raise StreamError(f"{path.name}: the header asks for {frames} frames of {width}x{height}.")
    if not 1 / LARGEST_RATE <= rate <= LARGEST_RATE:
        raise StreamError(f"{path.name}: the header asks for {float(rate):g} frames a second.")
    video = VideoFormat(width, height, frames, rate, "rgb24")
    header = Header(name, values["codec_version"], parameters, coder, precision, matrix, video)
    return header, CodedTensors(values["scales"], values["weights"], values["biases"])


def split_bytes(path: Path) -> dict[str, int]:
    """The bytes of a stream by purpose; all lengths count as header."""
    values = _read_fields(path)
    parts: dict[str, int] = {
        field.purpose: len(values[field.name]) for field in reversed(FIELDS) if field.purpose != "header"
    }
    return {**parts, "header": path.stat().st_size - sum(parts.values())}


def syntax_table() -> str:
    """The container in Markdown, field by field."""
    widths = {form: f"u{8 * struct.calcsize('<' + form)}" for form in "BHI"}
    rows = ["| field | width | meaning | counts as |", "|---|---|---|---|"]
    for field in FIELDS:
        width = widths.get(field.form, "4 bytes")
        width = f"{width} length, then bytes" if field.length else width
        rows.append(f"| `{field.name}` | {width} | {field.meaning} | {field.purpose} |")
    return "\n".join(rows) + "\n"


def _read_fields(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    if not data:
        raise StreamError(f"{path.name} is empty.")
    if data[: len(MAGIC)] != MAGIC:
        raise StreamError(
            f"{path.name} is not a stream of an implicit codec: it begins with {data[:4]!r}, not {MAGIC!r}."
        )
    if len(data) < PROLOGUE.size:
        raise StreamError(f"{path.name} is truncated: {len(data)} bytes.")
    _, version, checksum = PROLOGUE.unpack_from(data)
    if version != FORMAT_VERSION:
        raise StreamError(f"{path.name} has format version {version}; this program reads version {FORMAT_VERSION}.")
    if zlib.crc32(data[PROLOGUE.size :]) != checksum:
        raise StreamError(f"{path.name} is truncated or damaged: its checksum does not match ({len(data):,} bytes).")
    values: dict[str, Any] = {}
    position = PROLOGUE.size
    for field in FIELDS[3:]:
        form = struct.Struct("<" + field.form)
        if position + form.size > len(data):
            raise StreamError(f"{path.name} is damaged: it ends before {field.name}.")
        (value,) = form.unpack_from(data, position)
        position += form.size
        if field.length:
            if position + value > len(data):
                raise StreamError(f"{path.name} is damaged: {field.name} ends beyond the file.")
            value = data[position : position + value]
            position += len(value)
        values[field.name] = value
    if position != len(data):
        raise StreamError(f"{path.name} is damaged: {len(data) - position} bytes follow its last field.")
    return values
