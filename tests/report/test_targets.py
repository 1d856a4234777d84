"""What a report says of streams that missed the target of their quantisation."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from planted import clip, curve, only, record

from bench.analysis.pairs import pairs
from bench.records.record import Record
from bench.report.content import content
from bench.report.tables.bd_rate import bd_matrices, bd_table
from bench.report.tables.cost import decoding_tables, encoding_tables
from bench.report.tables.ledger import ledger_table, share_table
from bench.report.tables.quality import rd_table
from bench.report.tables.table import Table
from bench.report.tables.targets import missed_targets
from bench.report.write import files


def aimed(one: Record, target: str, *, met: bool, loss_db: float = 0.31) -> Record:
    """The record of a network that was quantised for a target; with float weights it reaches 32 dB."""
    return replace(
        one,
        codec=replace(one.codec, parameters=one.codec.parameters | {"target": target}),
        notes={"quantisation": {"loss_db": loss_db, "float_psnr_db": 32.0, "target_met": met}},
    )


NERV = curve("nerv")
RECORDS = [
    aimed(NERV[0], "-0.1dB", met=False),
    *(aimed(one, "-0.1dB", met=True, loss_db=0.08) for one in NERV[1:]),
    *curve("x265"),
]
NOTE = "Targets of quantisation that were missed: nerv fc_dim=10 on bunny (aimed at -0.1dB, reached -0.31dB)."


def test_every_table_that_a_missed_target_touches_says_so() -> None:
    """Rates, BD-rates, costs and bytes are all those of streams that are not what was asked for."""
    group = only(RECORDS)
    compared = pairs(group)
    bd = bd_table(group, compared)
    assert bd
    tables: list[Table] = [
        bd, rd_table(group), ledger_table(group), share_table(group),
        *bd_matrices(group, compared), *decoding_tables(group), *encoding_tables(group),
    ]  # fmt: skip
    assert len(tables) == 8
    assert all(NOTE in table.notes for table in tables)


def test_rates_have_it_as_a_column() -> None:
    """The file of rates says of each stream whether its target was met; a codec without a target has nothing."""
    lines = list(csv.DictReader(io.StringIO(files(content(RECORDS))["tables/rates.csv"].decode())))
    assert [line["target_met"] for line in lines] == ["False", "True", "True", "True", "", "", "", ""]
    assert "target_met" not in rd_table(only(RECORDS)).headings()


@pytest.mark.parametrize(
    ("target", "reached"),
    [("-0.1dB", "-0.31dB"), ("31.9dB", "31.69dB"), ("0.005bpp", "0.01bpp"), ("0.01Mbps", "0.0144Mbps")],
)
def test_what_was_reached_has_the_unit_of_the_target(target: str, reached: str) -> None:
    """A loss and a PSNR are those that the encoder saw, a rate is the stream's."""
    (note,) = missed_targets(only([aimed(NERV[0], target, met=False)]))
    assert f"(aimed at {target}, reached {reached})" in note


def test_seeds_and_sequences_are_named() -> None:
    """Where there are several seeds, a cell is named with its own."""
    places = [clip("uvg", "Beauty"), clip("uvg", "Jockey")]
    records = [record("nerv", 0.02, where=where, seed=seed) for where in places for seed in (1, 2)]
    records[3] = aimed(records[3], "-0.1dB", met=False)
    records[:3] = [aimed(one, "-0.1dB", met=True) for one in records[:3]]
    (note,) = missed_targets(only(records))
    assert "nerv on Jockey seed 2 (aimed" in note


def test_nothing_is_said_where_nothing_was_missed() -> None:
    """Neither where all targets were met, nor where a record has no such notes or others of that name."""
    odd = replace(record("e-nerv", 0.02), notes={"quantisation": "none"})
    assert missed_targets(only([*RECORDS[1:], odd, record("res-nerv", 0.02)])) == ()
