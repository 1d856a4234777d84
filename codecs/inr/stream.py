"""The container of all implicit codecs: one file, which is all that a decoder needs.

Its fields are `FIELDS`, and then, for each section, `SECTION_FIELDS`. The table in `docs/bitstream.md` is made from
these. Each section has its own purpose; the ledger has a line for each.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec

from bench.errors import CodecError, StreamError
from bench.video.colour import MATRICES, Matrix
from bench.video.paths import printable
from bench.video.raw import VideoFormat

from .network.render import PRECISIONS, Precision
from .network.representation import ATTACHMENTS, TENSOR_PURPOSES, AttachmentName
from .weights.coder import CODER_NAMES, CodedTensors, CoderName

MAGIC = b"INRV"
FORMAT_VERSION = 4
LARGEST_PIXELS = 1 << 40
"""A decoder refuses videos with more pixels in all frames together."""
LARGEST_RATE = 10_000
"""A decoder refuses frame rates above this, and below its inverse, in frames per second."""

SectionPurpose = Literal["scales", "weights", "biases", "embeddings", "grids", "key_frames"]
SECTION_PURPOSES: tuple[SectionPurpose, ...] = ("scales", *TENSOR_PURPOSES, *ATTACHMENTS)
"""What a section is for. The order is that of the numbers in a stream, and also that of the sections."""


@dataclass(frozen=True)
class Field:
    """One field of the container. ``form`` is the format of its value, as in the module `struct`. If ``length`` is
    true, the value is the number of bytes of the content that follows it."""

    name: str
    form: str
    meaning: str
    length: bool = False


FIELDS = (
    Field("magic", "4s", f"`{MAGIC.decode()}`"),
    Field("format_version", "B", f"{FORMAT_VERSION}"),
    Field("checksum", "I", "CRC-32 (zlib's) of all that follows"),
    Field("codec", "B", "the codec's name, in ASCII", length=True),
    Field("network_version", "B", "the version of its network; a decoder must have the same"),
    Field("parameters", "B", "MessagePack array of the network's parameters, in its class's order", length=True),
    Field("base", "B", "a file that must be given beside the stream; empty where the stream is enough", length=True),
    Field("coder", "B", "how weights are coded: " + ", ".join(f"{i} {name}" for i, name in enumerate(CODER_NAMES))),
    Field("precision", "B", "to compute in: " + ", ".join(f"{i} {name}" for i, name in enumerate(PRECISIONS))),
    Field("matrix", "B", "that made the RGB source from YUV: " + ", ".join(f"{i} {m}" for i, m in enumerate(MATRICES))),
    Field("width", "H", "samples"),
    Field("height", "H", "samples"),
    Field("frames", "I", "number of frames"),
    Field("rate_numerator", "I", "frames in ..."),
    Field("rate_denominator", "I", "... so many seconds"),
    Field("sections", "B", "number of sections that follow"),
)
SECTION_FIELDS = (
    Field("purpose", "B", ", ".join(f"{i} {name}" for i, name in enumerate(SECTION_PURPOSES))),
    Field("data", "I", "the section", length=True),
)
SECTION_BYTES = sum(struct.calcsize("<" + field.form) for field in SECTION_FIELDS)
"""The bytes that a section takes besides its content."""
PROLOGUE = struct.Struct("<" + "".join(field.form for field in FIELDS[:3]))
"""The fields up to the checksum."""
LONGEST_FIELD = 255
"""The most bytes of a field whose length takes one byte."""


@dataclass(frozen=True)
class SharedBase:
    """A file that several videos share, and that a decoder must be given beside the stream. Since it is no part of the
    stream, its ``size_bytes`` must stand wherever the stream's rate stands. ``sha256`` is in hexadecimal."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Header:
    """What a decoder must know to build the network in a stream. ``parameters`` are the values of the codec's network
    parameters, in the order of its fields (`ImplicitCodec.network_fields`). ``precision`` is the least precision in
    which the network may be computed. ``matrix`` made the RGB source from YUV. ``base`` is None if the stream needs no
    other file."""

    codec: str
    network_version: int
    parameters: list[Any]
    coder: CoderName
    precision: Precision
    matrix: Matrix
    video: VideoFormat
    base: SharedBase | None = None


@dataclass(frozen=True)
class Stream:
    """All that a stream holds."""

    header: Header
    coded: CodedTensors
    attachments: Mapping[AttachmentName, bytes] = dataclasses.field(default_factory=dict)


def write_stream(path: Path, stream: Stream) -> None:
    """Write ``stream`` to ``path``. Raises `CodecError` if a part of it does not fit into its field."""
    header, sections = stream.header, _sections(stream)
    video, rate = header.video, header.video.frame_rate
    values: dict[str, int | bytes] = {
        "codec": header.codec.encode("ascii"),
        "network_version": header.network_version,
        "parameters": msgspec.msgpack.encode(header.parameters),
        "base": _pack_base(header.base),
        "coder": CODER_NAMES.index(header.coder),
        "precision": PRECISIONS.index(header.precision),
        "matrix": MATRICES.index(header.matrix),
        "width": video.width,
        "height": video.height,
        "frames": video.frames,
        "rate_numerator": rate.numerator,
        "rate_denominator": rate.denominator,
        "sections": len(sections),
    }
    body = b"".join(_pack(field, values[field.name], header.codec) for field in FIELDS[3:])
    for purpose, data in sections.items():
        number, content = SECTION_FIELDS
        body += _pack(number, SECTION_PURPOSES.index(purpose), header.codec) + _pack(content, data, header.codec)
    path.write_bytes(PROLOGUE.pack(MAGIC, FORMAT_VERSION, zlib.crc32(body)) + body)


def header_bytes(header: Header, sections: int) -> int:
    """The bytes of a stream with ``sections`` sections, without the contents of these."""
    fixed = sum(struct.calcsize("<" + field.form) for field in FIELDS)
    variable = len(header.codec) + len(msgspec.msgpack.encode(header.parameters)) + len(_pack_base(header.base))
    return fixed + variable + sections * SECTION_BYTES


def read_stream(path: Path) -> Stream:
    """The stream in a file that `write_stream` wrote. Raises `StreamError` if the file is damaged or is none of
    these."""
    values, sections = _read_fields(path)
    file_name = printable(path.name)
    try:
        name = values["codec"].decode("ascii")
        parameters = msgspec.msgpack.decode(values["parameters"], type=list[Any])
        base = _unpack_base(values["base"])
        coder, precision = CODER_NAMES[values["coder"]], PRECISIONS[values["precision"]]
        matrix = MATRICES[values["matrix"]]
        rate = Fraction(values["rate_numerator"], values["rate_denominator"])
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError, ZeroDivisionError) as error:
        raise StreamError(f"{file_name}: the header is damaged: {error}.") from error
    width, height, frames = (values[name] for name in ("width", "height", "frames"))
    if min(width, height, frames) < 1 or width * height * frames > LARGEST_PIXELS:
        raise StreamError(f"{file_name}: the header asks for {frames} frames of {width}x{height}.")
    if not 1 / LARGEST_RATE <= rate <= LARGEST_RATE:
        raise StreamError(f"{file_name}: the header asks for {float(rate):g} frames a second.")
    if "scales" not in sections:
        raise StreamError(f"{file_name} is damaged: it has no scales.")
    video = VideoFormat(width, height, frames, rate, "rgb24")
    header = Header(name, values["network_version"], parameters, coder, precision, matrix, video, base)
    coded = CodedTensors(sections["scales"], {key: sections[key] for key in TENSOR_PURPOSES if key in sections})
    return Stream(header, coded, {key: sections[key] for key in ATTACHMENTS if key in sections})


def codec_name(path: Path) -> str | None:
    """The name of the codec in the header of a stream; None if the file has no such header. Nothing is checked."""
    try:
        with path.open("rb") as file:
            head = file.read(PROLOGUE.size + 1 + LONGEST_FIELD)
    except OSError:
        return None
    if not head.startswith(MAGIC) or len(head) <= PROLOGUE.size:
        return None
    start = PROLOGUE.size + 1
    return head[start : start + head[PROLOGUE.size]].decode("ascii", "replace")


def split_bytes(path: Path) -> dict[str, int]:
    """The bytes of a stream by purpose. The lengths of sections count as header. Raises `StreamError` if the file is
    damaged."""
    _, sections = _read_fields(path)
    parts: dict[str, int] = {purpose: len(sections[purpose]) for purpose in reversed(sections)}
    return {**parts, "header": path.stat().st_size - sum(parts.values())}


def syntax_table() -> str:
    """A table of the container's fields in Markdown."""
    rows = ["| field | width | meaning | counts as |", "|---|---|---|---|"]
    rows += [f"| `{field.name}` | {_width(field)} | {field.meaning} | header |" for field in FIELDS]
    rows.append("| *then for each section:* | | | |")
    purpose, data = SECTION_FIELDS
    rows.append(f"| `{purpose.name}` | {_width(purpose)} | {purpose.meaning} | header |")
    rows.append(f"| `{data.name}` | {_width(data)} | {data.meaning} | its length as header, its bytes by purpose |")
    return "\n".join(rows) + "\n"


def _width(field: Field) -> str:
    width = {form: f"u{8 * struct.calcsize('<' + form)}" for form in "BHI"}.get(field.form, "4 bytes")
    return f"{width} length, then bytes" if field.length else width


def _sections(stream: Stream) -> dict[SectionPurpose, bytes]:
    """The sections of a stream, in their order."""
    parts: dict[SectionPurpose, bytes] = {"scales": stream.coded.scales}
    for purpose in TENSOR_PURPOSES:
        if purpose in stream.coded.tensors:
            parts[purpose] = stream.coded.tensors[purpose]
    for name in ATTACHMENTS:
        if name in stream.attachments:
            parts[name] = stream.attachments[name]
    return parts


def _pack(field: Field, value: int | bytes, codec: str) -> bytes:
    """The bytes of a field. Raises `CodecError` if the value does not fit."""
    content = value if isinstance(value, bytes) else b""
    try:
        return struct.pack("<" + field.form, len(content) if isinstance(value, bytes) else value) + content
    except struct.error as error:
        amount = f"{len(content):,} bytes" if isinstance(value, bytes) else f"{value:,}"
        raise CodecError(f"{codec}: the stream has no room for {field.name} of {amount}: {error}.") from error


def _pack_base(base: SharedBase | None) -> bytes:
    """A MessagePack array of the name, the digest and the size in bytes; nothing if there is no base."""
    return msgspec.msgpack.encode((base.name, bytes.fromhex(base.sha256), base.size_bytes)) if base else b""


def _unpack_base(data: bytes) -> SharedBase | None:
    if not data:
        return None
    name, digest, size_bytes = msgspec.msgpack.decode(data, type=tuple[str, bytes, int])
    return SharedBase(name, digest.hex(), size_bytes)


def _read_fields(path: Path) -> tuple[dict[str, Any], dict[SectionPurpose, bytes]]:
    """The fields after the checksum by name, and the sections by purpose. Raises `StreamError` if the file is damaged
    or is no stream."""
    data, name = path.read_bytes(), printable(path.name)
    if not data:
        raise StreamError(f"{name} is empty.")
    if data[: len(MAGIC)] != MAGIC:
        raise StreamError(f"{name} is not a stream of an implicit codec: it begins with {data[:4]!r}, not {MAGIC!r}.")
    if len(data) < PROLOGUE.size:
        raise StreamError(f"{name} is truncated: {len(data)} bytes.")
    _, version, checksum = PROLOGUE.unpack_from(data)
    if version != FORMAT_VERSION:
        raise StreamError(f"{name} has format version {version}; this program reads version {FORMAT_VERSION}.")
    if zlib.crc32(data[PROLOGUE.size :]) != checksum:
        raise StreamError(f"{name} is truncated or damaged: its checksum does not match ({len(data):,} bytes).")
    reader = _Reader(name, data, PROLOGUE.size)
    values = {field.name: reader.read(field) for field in FIELDS[3:]}
    sections: dict[SectionPurpose, bytes] = {}
    last = -1
    for _ in range(values["sections"]):
        number, content = (reader.read(field) for field in SECTION_FIELDS)
        if not last < number < len(SECTION_PURPOSES):
            raise StreamError(f"{name} is damaged: a section of purpose {number} stands where none may.")
        sections[SECTION_PURPOSES[number]], last = content, number
    if reader.position != len(data):
        raise StreamError(f"{name} is damaged: {len(data) - reader.position} bytes follow its last section.")
    return values, sections


@dataclass
class _Reader:
    """Reads one field of ``data`` after another, beginning at ``position``. ``name`` is what messages call the file."""

    name: str
    data: bytes
    position: int

    def read(self, field: Field) -> Any:
        """The value of the next field, or its content if it has a length. Raises `StreamError` if the data ends before
        the field does."""
        form = struct.Struct("<" + field.form)
        if self.position + form.size > len(self.data):
            raise StreamError(f"{self.name} is damaged: it ends before {field.name}.")
        (value,) = form.unpack_from(self.data, self.position)
        self.position += form.size
        if not field.length:
            return value
        if self.position + value > len(self.data):
            raise StreamError(f"{self.name} is damaged: {field.name} ends beyond the file.")
        start, self.position = self.position, self.position + value
        return self.data[start : self.position]
