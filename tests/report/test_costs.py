"""The tables beyond the paper's: encoding, equal time, shares of a stream, and what is absent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted import LAPTOP, RATES, TRAINING, clip, curve, failed, only, record, rows

from bench.analysis.comparable import RecordedCell
from bench.records.record import Record
from bench.report.tables.cells import coverage_table
from bench.report.tables.cost import decoding_tables, encoding_tables
from bench.report.tables.equal_time import AtTime, chosen_times, equal_time_data, equal_time_tables, quality_at
from bench.report.tables.ledger import ledger_table, share_table

# --- Encoding


def test_encoding_row() -> None:
    """The row of encoding has the planted values, and the rounds of tuning of an older record are one part."""
    one = record("nerv", 0.04)
    assert one.encode
    one = replace(one, encode=replace(one.encode, parts={"training": 10.0, "tuning_1": 1.0, "tuning_2": 1.5}))
    (table,) = encoding_tables(only([one]))
    assert rows(table) == [
        {
            "Codec": "nerv",
            "Rate point": "–",
            "Bits per pixel": "0.0400",
            "PSNR (dB)": "36.00",
            "Encode (s)": "12.50",
            "Encode (s per frame)": "0.391",
            "Encode CPU (s)": "20.0",
            "Encode peak (MiB)": "512",
            "training (s)": "10.000",
            "tuning (s)": "2.500",
        }
    ]


def test_gpus_are_reserved_by_networks_only() -> None:
    """A standard codec on a machine with a GPU takes no GPU time."""
    machine = replace(LAPTOP, gpu="H200")
    (table,) = encoding_tables(only([record(codec, 0.04, environment=machine) for codec in ("nerv", "x265")]))
    assert [row["Encode GPU (s)"] for row in rows(table)] == ["12.5", "–"]
    assert "on 2 cores of Planted CPU and H200" in table.caption


def test_what_disturbed_a_timing_is_stated() -> None:
    """Encoders that worked at once, and other work on the machine; nothing is said where there was neither."""
    quiet, shared, disturbed = (record(name, 0.04) for name in ("x264", "x265", "nerv"))
    assert shared.encode
    assert disturbed.encode
    assert disturbed.decode
    shared = replace(shared, encode=replace(shared.encode, cores=1, beside=2, other_load=0.1))
    disturbed = replace(
        disturbed,
        encode=replace(disturbed.encode, other_load=1.25),
        decode=replace(disturbed.decode, other_load=0.02),
    )
    group = only([quiet, shared, disturbed])
    (encoding,), (decoding,) = encoding_tables(group), decoding_tables(group)
    said = " ".join(encoding.notes)
    assert "Encoded beside 2 others, on 1 of the cores: bunny x265." in said
    assert "so many on average: bunny nerv (1.2)." in said
    assert "x264" not in said.partition("Encoded beside")[2]
    assert "so many on average" not in " ".join(decoding.notes)


def test_threads_of_encoders_are_stated() -> None:
    """Encoders on one thread stand beside encoders on all cores, and the note says which are which."""
    commands = {"x264": "ffmpeg -threads 1 -vcodec libx264", "x265": "ffmpeg -vcodec libx265 -x265-params a=1"}
    records = [replace(record(codec, 0.04), notes={"command": command}) for codec, command in commands.items()]
    network, vvenc = record("nerv", 0.04), record("vvenc", 0.04)
    vvenc = replace(vvenc, codec=replace(vvenc.codec, threads=4))
    (table,) = encoding_tables(only([*records, network, vvenc]))
    assert table.notes[-1] == (
        "Threads while encoding: nerv, x265 on as many as there are cores, or as the encoder chooses; x264 on 1; vvenc "
        "on 4. Where these differ, CPU seconds compare and seconds do not."
    )


def test_processors_without_a_name_are_told_apart_by_their_host() -> None:
    """Off x86 many are just "aarch64"; with a name, the host does not matter."""
    for cpu, same in (("aarch64", False), ("", False), ("Planted CPU", True)):
        one, other = (replace(LAPTOP, cpu=cpu, host=host) for host in ("a1", "b2"))
        assert (one.machine == other.machine) == same
        assert one.machine == replace(one, load=9.0).machine


# --- Equal time


def cell(one: Record) -> RecordedCell:
    """The cell of a single record."""
    return only([one]).cells[0]


@pytest.mark.parametrize(
    ("seconds", "psnr_db", "kind"),
    [(1.0, 9.0, "training"), (4.5, 26.0, "training"), (12.0, 30.0, "training"), (12.5, 33.0, "stream")],
)
def test_quality_is_interpolated_in_training(seconds: float, psnr_db: float, kind: str) -> None:
    """24 dB at 3 s and 28 dB at 6 s are 26 dB at 4.5 s. Once the encoder has ended, it is the stream's 33 dB."""
    at_time = quality_at(cell(record("nerv", 0.02)), seconds)
    assert at_time.psnr_db == pytest.approx(psnr_db)
    assert at_time.kind == kind


def test_nothing_is_extrapolated() -> None:
    """There is no quality before the first point of training, between its last point and the stream, or before a
    standard codec ends."""
    nerv = cell(record("nerv", 0.02))
    for seconds in (0.5, 12.2):
        assert quality_at(nerv, seconds) == AtTime(reason="training was measured from 1 to 12 s")
    assert quality_at(cell(record("x265", 0.02)), 12.4) == AtTime(reason="takes 12.5 s")
    assert quality_at(cell(replace(record("x265", 0.02), encode=None)), 99.0).psnr_db is None


def test_times_are_those_that_tell_codecs_apart() -> None:
    """The times reach from the first result of any encoder to the end of the last one: here 1, 3 and 10 s."""
    group = only([*curve("nerv"), *curve("x265")])
    assert list(chosen_times(group.measured)) == ["1 s", "3 s", "10 s"]
    (table,) = equal_time_tables(group)
    first, last = rows(table)[0], rows(table)[-1]
    assert [first[f"PSNR after {time} (dB)"] for time in ("1 s", "3 s", "10 s")] == ["9.00 t", "24.00 t", "29.33 t"]
    assert {last[f"PSNR after {time} (dB)"] for time in ("1 s", "3 s", "10 s")} == {"–"}
    assert "scaled down" in table.caption
    data = equal_time_data([group])
    assert len(data) == 3 * 8
    assert set(data[data["codec"] == "x265"]["reason"]) == {"takes 12.5 s"}
    assert TRAINING.seconds[-1] == 12.0


def test_times_of_machines_stand_apart() -> None:
    """Each machine has a table of its own."""
    machines = [LAPTOP, replace(LAPTOP, cpu="Other")]
    group = only([record("nerv", 0.02, seed=seed, environment=where) for seed, where in enumerate(machines)])
    assert [len(table.data) for table in equal_time_tables(group)] == [1, 1]


# --- Streams


def test_shares_sum_to_one() -> None:
    """100 bytes of header in 9,216 bytes are 1.1 %, and the file takes 0.05 bits for each of 1.5 million parameters."""
    table = share_table(only([record("nerv", 0.04), record("x265", 0.04)]))
    network, standard = rows(table)
    assert (network["header"], network["weights"], network["Bits per parameter"]) == ("1.1%", "98.9%", "0.05")
    assert (standard["Bits per parameter"], standard["header"]) == ("–", "–")
    for row in table.data.to_dict("records"):
        shares = [value or 0 for name, value in row.items() if str(name).startswith("share")]
        assert sum(shares) == pytest.approx(1)


def test_a_purpose_may_be_called_like_a_column() -> None:
    """A purpose of bytes keeps its own heading, though other tables have a column of that name."""
    one = record("nerv", 0.04)
    assert one.stream
    group = only([replace(one, stream=replace(one.stream, ledger={"points": 100, "load": 9116}))])
    assert [rows(table)[0]["points"] for table in (ledger_table(group), share_table(group))] == ["100", "1.1%"]
    assert ledger_table(group).numeric()[-2:] == [True, True]


# --- What is absent


def test_coverage_names_what_is_absent() -> None:
    """Each rate point and seed of a codec is expected on every sequence."""
    beauty, jockey = clip("uvg", "beauty"), clip("uvg", "jockey")
    records = [
        *curve("nerv", where=beauty),
        *curve("nerv", where=beauty, seed=2),
        *curve("nerv", where=jockey),
        *curve("nerv", where=jockey, seed=2, rates=RATES[:3]),
        *curve("x264", where=beauty),
        failed(record("x265", 0.01, where=beauty), "no"),
        replace(failed(record("x265", 0.02, point=1, where=beauty), "no"), status="timed_out"),
    ]
    coverage = {(row["Codec"], row["Sequence"]): row for row in rows(coverage_table(only(records)))}
    assert coverage["nerv", "beauty"]["Without"] == "–"
    assert coverage["nerv", "jockey"] | {"Codec": "", "Sequence": ""} == {
        "Codec": "", "Sequence": "", "Grid": "8", "With a result": "7", "Without": "absent: fc_dim=13 seed 2",
    }  # fmt: skip
    assert coverage["x264", "jockey"]["Without"] == "absent: crf=40, crf=39, crf=38, crf=37"
    assert coverage["x265", "beauty"]["Without"] == "timed out: crf=39; failed: crf=40"
    assert coverage["x265", "jockey"]["With a result"] == "0"
