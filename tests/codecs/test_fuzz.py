"""Streams that no encoder wrote: each is refused by name, at once, and without taking memory."""

from __future__ import annotations

import functools
import os
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.codec import Stopwatch
from bench.codecs.e_nerv import ENeRV
from bench.codecs.inr.codec import ImplicitCodec
from bench.codecs.inr.stream import FIELDS, FORMAT_VERSION, PROLOGUE, SECTION_FIELDS, SECTION_PURPOSES, Field
from bench.codecs.layers.pyramid import canvas
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.errors import StreamError
from bench.video.raw import VideoFormat

VIDEO = VideoFormat(48, 32, 3, Fraction(25), "rgb24")
CODECS: list[ImplicitCodec] = [
    NeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4),
    ENeRV(fc_dim=8, expansion=1, lower_width=4, block_dim=8, mlp_dim=8, stem_dim=4, head_dim=2, levels=4),
    ResNeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4, norm="bn"),
]
EVERY_FIELD: dict[str, Field] = {field.name: field for field in FIELDS[3:]}
for _purpose in ("scales", "weights", "biases"):
    EVERY_FIELD |= {f"purpose of {_purpose}": SECTION_FIELDS[0], _purpose: SECTION_FIELDS[1]}
CPU_SECONDS = 1.0
MEMORY = 200 * 2**20
EXAMPLES = int(os.environ.get("HYPOTHESIS_MAX_EXAMPLES", "300"))


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A whole stream of each network. Decoded once, so that what is compiled and loaded is there."""
    folder = tmp_path_factory.mktemp("streams")
    made = []
    for i, codec in enumerate(CODECS):
        torch.manual_seed(i)
        codec.encode_untrained(VIDEO, folder / f"{i}.inr")
        NeRV.decode(folder / f"{i}.inr", folder / "frames.raw", Stopwatch())
        made.append((folder / f"{i}.inr").read_bytes())
    return made


def refused(data: bytes, folder: Path) -> bool:
    """Whether `decode` raises its own error, within its means; False if it decodes."""
    path = folder / "fuzzed.inr"
    path.write_bytes(data)
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        NeRV.decode(path, folder / "frames.raw", Stopwatch())
        outcome = False
    except StreamError:
        outcome = True
    assert time.process_time() - start < CPU_SECONDS
    assert 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) < MEMORY
    return outcome


def mutations(data: bytes, other: bytes, seed: int) -> Iterator[bytes]:
    """Flipped bits, truncations at every length, insertions, deletions, overwriting, and parts of
    another stream."""
    rng = np.random.default_rng(seed)
    yield from (data[:length] for length in range(len(data)))
    while True:
        changed = bytearray(data)
        kind, at, length = rng.integers(6), int(rng.integers(len(data))), int(rng.integers(1, 40))
        if kind == 0:
            for _ in range(rng.integers(1, 5)):
                changed[rng.integers(len(data))] ^= 1 << rng.integers(8)
        elif kind == 1:
            changed[at:at] = rng.bytes(length)
        elif kind == 2:
            del changed[at : at + length]
        elif kind == 3:
            changed[at : at + length] = rng.bytes(len(changed[at : at + length]))
        elif kind == 4:
            changed[at : at + length] = other[at : at + length]
        else:
            first, second = sorted(rng.integers(len(data), size=2))
            changed = changed[second:] + changed[first:second] + changed[:first]
        if changed != data:
            yield bytes(changed)


@pytest.mark.parametrize("which", range(len(CODECS)))
def test_mutated_streams_are_refused(which: int, streams: list[bytes], tmp_path: Path) -> None:
    """4,000 of each network: not one gives frames."""
    data, other = streams[which], streams[which - 1]
    made = mutations(data, other, which)
    for _ in range(4000):
        assert refused(next(made), tmp_path)


def with_checksum(body: bytes) -> bytes:
    """A stream whose checksum is right, as someone who means harm would make it."""
    return PROLOGUE.pack(b"INRV", FORMAT_VERSION, zlib.crc32(body)) + body


@functools.cache
def offsets(data: bytes) -> dict[str, tuple[int, int]]:
    """Where each field after the checksum begins, and how long it is."""
    found, position, count = {}, PROLOGUE.size, 0

    def passed(name: str, field: Field) -> int:
        nonlocal position
        start, form = position, struct.Struct("<" + field.form)
        (value,) = form.unpack_from(data, position)
        position += form.size + (value if field.length else 0)
        found[name] = start, position - start
        return int(value)

    for field in FIELDS[3:]:
        count = passed(field.name, field)
    for _ in range(count):
        purpose = SECTION_PURPOSES[data[position]]
        passed(f"purpose of {purpose}", SECTION_FIELDS[0])
        passed(purpose, SECTION_FIELDS[1])
    return found


@pytest.mark.parametrize("which", range(len(CODECS)))
@pytest.mark.parametrize("field", EVERY_FIELD)
def test_extreme_fields_with_a_right_checksum(field: str, which: int, streams: list[bytes], tmp_path: Path) -> None:
    """Zero, one and all ones in each field, and lengths that are one off. Only what says nothing of the frames
    may pass: their rate, the least precision, the conversion of the source; and a smaller window of the picture
    that the same network makes, which is a stream in its own right."""
    data = streams[which]
    start, _ = offsets(data)[field]
    form = struct.Struct("<" + EVERY_FIELD[field].form)
    (value,) = form.unpack_from(data, start)
    largest = 256**form.size - 1
    for extreme in {0, 1, 2, value - 1, value + 1, largest // 2, largest - 1, largest} - {value, -1}:
        body = data[PROLOGUE.size : start] + form.pack(extreme) + data[start + form.size :]
        if field in ("rate_numerator", "rate_denominator", "precision", "matrix", "frames"):
            refused(with_checksum(body), tmp_path)
        elif field in ("width", "height") and extreme > 0:
            other = canvas(replace(VIDEO, **{field: extreme}))  # type: ignore[arg-type]
            assert refused(with_checksum(body), tmp_path) == (other != canvas(VIDEO)), f"{field} = {extreme}"
        else:
            assert refused(with_checksum(body), tmp_path), f"{field} = {extreme}"


@pytest.mark.parametrize("which", range(len(CODECS)))
def test_extreme_parameters_with_a_right_checksum(which: int, streams: list[bytes], tmp_path: Path) -> None:
    """Of every network parameter: none of these is the network that the sections are of."""
    data = streams[which]
    start, length = offsets(data)["parameters"]
    parameters = msgspec.msgpack.decode(data[start + 1 : start + length])
    for i, value in enumerate(parameters):
        for extreme in (0, -1, 1, 255, 2**31 - 1, 2**62, 1e300, float("inf"), float("nan"), "none", "in", None, [1]):
            if extreme == value or (isinstance(value, str) and extreme == "none"):
                continue
            packed = msgspec.msgpack.encode([*parameters[:i], extreme, *parameters[i + 1 :]])
            body = data[PROLOGUE.size : start] + bytes([len(packed)]) + packed + data[start + length :]
            assert refused(with_checksum(body), tmp_path), f"parameter {i} = {extreme}"


def test_swapped_sections_with_a_right_checksum(streams: list[bytes], tmp_path: Path) -> None:
    """Weights for biases, and those of another network."""
    for data in streams:
        where = offsets(data)
        parts = {name: data[start : start + length] for name, (start, length) in where.items()}
        swapped = {**parts, "weights": parts["biases"], "biases": parts["weights"]}
        assert refused(with_checksum(b"".join(swapped.values())), tmp_path)
        for other in streams:
            if other != data:
                start, length = offsets(other)["weights"]
                foreign = {**parts, "weights": other[start : start + length]}
                assert refused(with_checksum(b"".join(foreign.values())), tmp_path)


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_with_a_right_checksum(streams: list[bytes], tmp_path: Path, data: st.DataObject) -> None:
    """Never a crash, never long, never large; ``HYPOTHESIS_MAX_EXAMPLES`` hunts for longer. Where only the
    arithmetic code's last bits changed, frames may come of it: this is harm meant, not damage."""
    stream = bytearray(streams[data.draw(st.integers(0, len(streams) - 1))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(PROLOGUE.size, len(stream) - 1))
        stream[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    refused(with_checksum(bytes(stream[PROLOGUE.size :])), tmp_path)
