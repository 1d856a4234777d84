"""What a report says that decides whether figures of two encoders may be compared: structure, threads, energy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planted import LAPTOP, QUICK, curve, only, record, rows

from bench.analysis.pairs import pairs
from bench.records.record import Cost, Record
from bench.report.tables.bd_rate import bd_table
from bench.report.tables.cost import decoding_tables, encoding_tables
from bench.report.tables.table import Table


def structured(records: list[Record], structure: str | None) -> list[Record]:
    """The records with that structure."""
    return [replace(one, codec=replace(one.codec, structure=structure)) for one in records]


def spent(one: Record, encode: dict[str, Any], decode: dict[str, Any] | None = None) -> Record:
    """The record with other facts of its costs."""
    assert one.encode
    assert one.decode
    return replace(one, encode=replace(one.encode, **encode), decode=replace(one.decode, **decode or {}))


def said(table: Table | None, word: str) -> list[str]:
    """The notes of a table that have the word."""
    assert table is not None
    return [note for note in table.notes if word in note]


def test_structures_stand_beside_bd_rates() -> None:
    """Each once, with the curves that have it; older records do not state theirs, and networks have none."""
    group = only(
        [
            *curve("nerv"),
            *structured(curve("x265"), "random access"),
            *structured(curve("vvenc"), "random access"),
            *structured(curve("x265", label="x265[mode=low-delay]"), "low delay P"),
            *curve("x264"),
        ]
    )
    assert said(bd_table(group, pairs(group)), "refer") == [
        "How pictures refer to each other: low delay P (x265[mode=low-delay]); not stated (x264); random access (x265, "
        "vvenc)."
    ]
    networks = only([*curve("nerv"), *curve("e-nerv")])
    assert said(bd_table(networks, pairs(networks)), "refer") == []


def test_threads_and_cores_stand_beside_times() -> None:
    """Of an encoder that was told a number, one that was not, and an older one whose command tells."""
    told, free, older = record("x265", 0.04), record("svt-av1", 0.04), record("x264", 0.04)
    told = spent(replace(told, codec=replace(told.codec, threads=4)), {"cores": 2}, {"cores": 2})
    free = spent(free, {"cores": 2}, {"cores": 1})
    older = replace(older, notes={"command": "ffmpeg -threads 1 -vcodec libx264"})
    group = only([told, free, older])
    (encoding,), (decoding,) = encoding_tables(group), decoding_tables(group)
    shown = {row["Codec"]: (row["Encode threads"], row["Encode cores"]) for row in rows(encoding)}
    assert shown == {"x265": ("4", "2"), "svt-av1": ("–", "2"), "x264": ("1", "–")}
    assert {row["Codec"]: row["Decode cores"] for row in rows(decoding)} == {"x264": "–", "x265": "2", "svt-av1": "1"}


def test_encoding_on_one_core() -> None:
    """A column of its own, where it was measured."""
    one = replace(record("x265", 0.04), encode_one_core=Cost(30.25, {"encoding": 30.25}, 1.0, 1 << 20))
    (table,) = encoding_tables(only([one, record("nerv", 0.04)]))
    assert {row["Codec"]: row["Encode, one core (s)"] for row in rows(table)} == {"x265": "30.25", "nerv": "–"}
    (without,) = encoding_tables(only([record("x265", 0.04)]))
    assert "Encode, one core (s)" not in without.headings()


def test_joules_per_frame() -> None:
    """Of 32 frames. A GPU that idles beside a standard codec is none of its costs."""
    machine = replace(LAPTOP, gpu="H200")
    joules = {"cpu_joules": 640.0, "gpu_joules": 6400.0}
    records = [
        spent(record(name, 0.04, environment=machine), joules, {"cpu_joules": 16.0}) for name in ("nerv", "x265")
    ]
    group = only(records)
    (encoding,), (decoding,) = encoding_tables(group), decoding_tables(group)
    shown = [(row["Encode CPU (J per frame)"], row["Encode GPU (J per frame)"]) for row in rows(encoding)]
    assert shown == [("20", "200"), ("20", "–")]
    assert [row["Decode CPU (J per frame)"] for row in rows(decoding)] == ["0.5", "0.5"]
    assert "Decode GPU (J per frame)" not in decoding.headings()
    assert len(said(encoding, "whatever else ran there")) == len(said(decoding, "whatever else ran there")) == 1


def test_why_there_are_no_joules() -> None:
    """One note for each reason, with the codecs that it is about, and no columns."""
    closed = [spent(record(name, 0.04), {"no_joules": {"cpu_joules": "planted reason"}}) for name in ("nerv", "x265")]
    (table,) = encoding_tables(only([*closed, *curve("x264")]))
    assert said(table, "joules") == ["No joules of nerv, x265: planted reason."]
    assert not [heading for heading in table.headings() if "J per frame" in heading]


def test_two_passes_are_another_curve() -> None:
    """Points at a quality and points at a rate stay apart, though their codec has one label; a missed rate is noted."""
    plain = [replace(one, codec=replace(one.codec, parameters={"crf": 40 - i, "bitrate_kbps": 0}))
             for i, one in enumerate(curve("x265"))]  # fmt: skip
    rated = [
        replace(
            one,
            key=f"{i:064x}",
            codec=replace(one.codec, parameters={"crf": 0, "bitrate_kbps": 100 * 2**i}),
            preset=replace(QUICK, name="rates"),
        )
        for i, one in enumerate(curve("x265"))
    ]
    rated[1] = replace(rated[1], notes={"missed_bitrate": "aimed at 200 kbps, reached 260, +30.0%"})
    group = only([*plain, *rated])
    assert [(curve.label, len(curve.cells)) for curve in group.curves] == [
        ("x265 (one pass)", 4),
        ("x265 (two passes)", 4),
    ]
    (table,) = encoding_tables(group)
    assert said(table, "two passes missed") == [
        "Bit rates that two passes missed: x265 (two passes) bitrate_kbps=200 on bunny (aimed at 200 kbps, reached "
        "260, +30.0%)."
    ]


@pytest.mark.parametrize("name", ["x264", "x265"])
def test_one_kind_of_passes_is_not_stated(name: str) -> None:
    """A label says only what differs."""
    assert [curve.label for curve in only(curve(name)).curves] == [name]
