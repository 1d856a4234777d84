"""The units of an elementary stream, and what each of them is for.

Syntax: H.264 (T-REC-H.264 annex B), HEVC (H.265 annex B), VVC (H.266 annex B), AV1 (section 5.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from bench.errors import StreamError

Syntax = Literal["h264", "hevc", "vvc", "av1"]

# Unit types by purpose; what is in neither set (SEI, delimiters, end of sequence) is "other".
PARAMETER_SETS: dict[Syntax, frozenset[int]] = {
    "h264": frozenset({7, 8, 13}),
    "hevc": frozenset({32, 33, 34}),
    "vvc": frozenset({12, 13, 14, 15, 16, 17, 18}),
    "av1": frozenset({1}),
}
PICTURES: dict[Syntax, frozenset[int]] = {
    "h264": frozenset({1, 2, 3, 4, 5}),
    "hevc": frozenset(range(32)),
    "vvc": frozenset({*range(12), 19}),
    "av1": frozenset({3, 4, 6, 7}),
}

END: dict[Syntax, bytes] = {
    "h264": b"\0\0\1\x0b",
    "hevc": b"\0\0\1\x4a\x01",
    "vvc": b"\0\0\1\x00\xb1",
    "av1": b"",
}
"""The unit that ends a stream or bitstream. Decoders of H.264, HEVC and VVC do not notice entropy-coded
data that stops too early; a stream that must end in this unit cannot be cut unnoticed. In AV1 every
unit states its size, and there is no such unit."""


def split_bytes(data: bytes, syntax: Syntax) -> dict[str, int]:
    """The bytes of a stream by purpose. A start code belongs to the unit that it opens."""
    ledger = {"parameter_sets": 0, "pictures": 0, "other": 0}
    for kind, size in _obus(data) if syntax == "av1" else _nal_units(data, syntax):
        if kind in PARAMETER_SETS[syntax]:
            ledger["parameter_sets"] += size
        elif kind in PICTURES[syntax]:
            ledger["pictures"] += size
        else:
            ledger["other"] += size
    return ledger


def _nal_units(data: bytes, syntax: Syntax) -> Iterator[tuple[int, int]]:
    """The type and size of each unit of an annex B byte stream."""
    starts = [match.start() for match in re.finditer(b"\x00?\x00\x00\x01", data)]
    if not starts or starts[0] != 0:
        raise StreamError("The stream does not begin with a start code.")
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        header = data[data.index(b"\x01", start) + 1 : end]
        if len(header) < (1 if syntax == "h264" else 2):
            raise StreamError(f"The stream ends inside a unit's header, at byte {start}.")
        kind = header[1] >> 3 if syntax == "vvc" else header[0] >> 1 & 63 if syntax == "hevc" else header[0] & 31
        yield kind, end - start


def _obus(data: bytes) -> Iterator[tuple[int, int]]:
    """The type and size of each open bitstream unit of an AV1 low-overhead stream."""
    position = 0
    while position < len(data):
        header = data[position]
        if not header & 2:
            raise StreamError("An AV1 unit does not state its size.")
        body = position + 1 + (header >> 2 & 1)
        length = shift = 0
        while body < len(data):
            byte = data[body]
            body, length, shift = body + 1, length | (byte & 127) << shift, shift + 7
            if not byte & 128:
                break
        if body + length > len(data) or shift == 0:
            raise StreamError(f"The stream ends inside the unit at byte {position}.")
        yield header >> 3 & 15, body + length - position
        position = body + length
