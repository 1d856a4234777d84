"""Our figures beside the paper's: what is printed, recomputed, and what stands beside what."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import pytest
from planted import LAPTOP, PAPER, QUICK, clip, curve, only, record, rows

from bench.analysis.comparable import METRICS
from bench.analysis.pairs import pairs
from bench.analysis.paper import load_paper
from bench.codec import Complexity
from bench.dataset import Source
from bench.records.record import PresetFacts, Record
from bench.report.tables.paper import paper_bd_table, paper_decoding_tables
from bench.report.tables.table import Table

PRINTED = load_paper()
BUNNY = clip("bunny", "bunny", 1280, 720, 132)
READY = clip("uvg", "ReadySetGo", 1920, 1080, 600)


# --- What is printed


def test_only_what_is_known_is_there() -> None:
    """Bunny and the averages of Table 1, three lines of Table 2; nothing was made up for the rest."""
    table = PRINTED.bd_rate
    assert [(value.dataset, value.sequence) for value in table.values] == [("bunny", "bunny")]
    assert table.percent("bunny", "bunny", "psnr_rgb") == -20.36
    assert table.percent("bunny", "bunny", "ms_ssim_rgb_db") == -17.53
    assert table.percent("uvg", "Beauty", "psnr_rgb") is None
    assert table.averages.keys() == METRICS.keys()
    assert [value.codec for value in PRINTED.decoding.values] == ["nerv", "e-nerv", "res-nerv"]


def test_averages_are_possible() -> None:
    """With Bunny's value, of eight sequences the other seven would have to average what the remarks say."""
    for metric, remark in zip(METRICS, PRINTED.bd_rate.remarks[1:3], strict=True):
        bunny = PRINTED.bd_rate.percent("bunny", "bunny", metric)
        assert bunny is not None
        rest = (8 * PRINTED.bd_rate.averages[metric] - bunny) / 7
        assert -100 < rest < 0
        assert f"would average {rest:.2f} %" in remark
        assert f"{bunny} %" in remark


def test_end_of_the_range_without_its_sign() -> None:
    """Read as printed, 20.11 % is a loss, and six sequences would have to make up for it."""
    average, bunny = PRINTED.bd_rate.averages["ms_ssim_rgb_db"], -17.53
    rest = (8 * average - bunny - 20.11) / 6
    assert f"would have to average {rest:.2f} %" in PRINTED.bd_rate.remarks[3]
    assert rest < bunny


def test_times_and_rates_of_table_2() -> None:
    """Frames per second, bits per parameter, and what of the time does not grow with the GMACs."""
    table = PRINTED.decoding
    fps, bits, constant = table.remarks
    nerv, _, res_nerv = table.values
    for value in table.values:
        assert f"NeRV {table.frames / value.decode_seconds:.2f}" in fps
    for frame_rate in (120, 30):
        per_parameter = table.bitrate_mbps * table.frames / frame_rate / nerv.parameters_millions
        assert f"{per_parameter:.2f}" in bits
    assert f"{res_nerv.gmacs_per_frame / nerv.gmacs_per_frame:.2f} times NeRV's GMACs" in constant
    assert f"{res_nerv.decode_seconds / nerv.decode_seconds:.2f} times its time" in constant
    slope = (res_nerv.decode_seconds - nerv.decode_seconds) / (res_nerv.gmacs_per_frame - nerv.gmacs_per_frame)
    assert f"would be {nerv.decode_seconds - slope * nerv.gmacs_per_frame:.1f} of" in constant


# --- Table 1


def table_1(gain: float, preset: PresetFacts = PAPER, where: object = BUNNY) -> Table:
    """Res-NeRV against NeRV, ``gain`` dB above it."""
    place = {"where": where, "preset": preset}
    group = only([*curve("nerv", **place), *curve("res-nerv", gain=gain, **place)])
    table = paper_bd_table(group, pairs(group), PRINTED)
    assert table is not None
    return table


def gain_of(percent: float) -> float:
    """The dB that make a BD-rate: planted curves rise by 3 dB with each doubling of rate."""
    return -3 * math.log2(1 + percent / 100)


def test_verdicts() -> None:
    """-20 % agrees on PSNR and is 2.47 points from what is printed for MS-SSIM; on PSNR a BD-rate 1.9 points
    off still agrees, and one 2.1 points off does not."""
    psnr, ms_ssim = rows(table_1(gain_of(-20)))
    assert psnr == {
        "Codec": "res-nerv", "Anchor": "nerv", "Metric": "PSNR", "Ours": "-20.00", "Overlap": "0.89", "Spread": "0.0",
        "95 % interval": "–", "Printed": "-20.36", "Difference": "+0.36", "Verdict": "agrees",
    }  # fmt: skip
    assert (ms_ssim["Printed"], ms_ssim["Difference"], ms_ssim["Verdict"]) == ("-17.53", "-2.47", "differs")
    assert rows(table_1(gain_of(-22.26)))[0]["Verdict"] == "agrees"
    assert rows(table_1(gain_of(-22.46)))[0]["Verdict"] == "differs"


def test_scaled_down_stands_alone() -> None:
    """No printed value stands beside it, and the verdict says why; even where the two are equal."""
    table = table_1(gain_of(-20.36), QUICK)
    for row in rows(table):
        assert (row["Printed"], row["Difference"]) == ("–", "–")
        assert row["Verdict"] == "not comparable: scaled down"
    assert "-17.53" not in " ".join(table.notes)
    assert "scaled down" in table.caption


@dataclass(frozen=True)
class Described(Source):
    """A source that says how it stands to its sequence."""

    fidelity: Literal["exact", "converted", "lossy"] = "exact"


@pytest.mark.parametrize("fidelity", ["converted", "lossy"])
def test_another_source_stands_alone(fidelity: Literal["converted", "lossy"]) -> None:
    """At full scale, but not of the paper's samples: stamped, and no printed value beside it."""
    source = Described(**vars(BUNNY.source) | {"fidelity": fidelity})
    table = table_1(gain_of(-20), where=replace(BUNNY, source=source))
    assert f"{fidelity} source: bunny; not comparable with published figures" in table.caption
    assert {(row["Printed"], row["Verdict"]) for row in rows(table)} == {("–", f"not comparable: {fidelity} source")}


def test_unknown_printed_values_are_dashes() -> None:
    """At full scale, where the paper has a value that is not available here."""
    row = rows(table_1(1.0, where=clip("uvg", "Beauty", 1920, 1080, 600)))[0]
    assert (row["Printed"], row["Verdict"]) == ("–", "not available here")


def test_averages_have_no_verdict() -> None:
    """The printed average stands there, but nobody knows over which sequences it goes."""
    records = [
        one
        for name in ("Beauty", "Jockey")
        for place in [{"where": clip("uvg", name, 1920, 1080, 600), "preset": PAPER}]
        for one in (*curve("nerv", **place), *curve("res-nerv", gain=1.0, **place))
    ]
    group = only(records)
    table = rows(paper_bd_table(group, pairs(group), PRINTED))
    assert [row["Sequence"] for row in table[:4]] == ["Beauty", "Jockey", "mean", "mean curve"]
    assert (table[2]["Printed"], table[2]["Difference"]) == ("-12.06", "–")
    assert table[2]["Verdict"].startswith("over 2 of 2 sequences; not comparable")


def test_refused_stays_refused() -> None:
    """The reason stands where the verdict would, scaled down or not."""
    for preset in (PAPER, QUICK):
        assert rows(table_1(50.0, preset))[0]["Verdict"] == "refused: the curves share no quality"


def test_no_table_without_the_pair() -> None:
    """It needs NeRV and Res-NeRV."""
    group = only(curve("nerv"))
    assert paper_bd_table(group, pairs(group), PRINTED) is None


# --- Table 2


def network(codec: str, parameters: int, macs: int, gpu: str | None = None, preset: PresetFacts = PAPER) -> Record:
    """A record of ReadySetGo whose network has these counts."""
    one: Record = record(codec, 0.014, where=READY, preset=preset, environment=replace(LAPTOP, gpu=gpu))
    assert one.decode
    return replace(
        one,
        complexity=Complexity(parameters, macs, {}),
        decode=replace(one.decode, seconds=161.19 * 1.05),
    )


NERV = (2_853_465, 226_941_330_448)
E_NERV = (2_706_729, 228_209_000_000)


def test_counts_agree_if_they_round_to_the_printed_ones() -> None:
    """NeRV's do; E-NeRV's GMACs do and its parameters do not. The nearest rate point is taken."""
    small = network("nerv", 1_000_000, 10**11)
    (table,) = paper_decoding_tables(only([small, network("nerv", *NERV), network("e-nerv", *E_NERV)]), PRINTED)
    table_rows = {(row["Codec"], row["Quantity"]): row for row in rows(table)}
    assert table_rows["nerv", "parameters (M)"]["Verdict"] == "agrees"
    assert table_rows["nerv", "GMACs per frame"]["Verdict"] == "agrees"
    assert table_rows["e-nerv", "parameters (M)"]["Verdict"] == "differs"
    assert table_rows["e-nerv", "GMACs per frame"]["Verdict"] == "agrees"
    assert table_rows["nerv", "decoding (s)"]["Verdict"] == "not comparable: another machine"
    assert table_rows["nerv", "decoding (s)"]["Difference"] == "–"


def test_times_are_compared_on_the_same_gpu_only() -> None:
    """Five percent more than the printed time is within the tolerance, and each machine has a table."""
    records = [network("nerv", *NERV, gpu="NVIDIA GeForce RTX 3090"), network("nerv", *NERV, gpu="H200")]
    same, other = paper_decoding_tables(only([records[0], replace(records[1], seed=2)]), PRINTED)
    table_rows = {row["Quantity"]: row for row in rows(same)}
    assert table_rows["decoding (s)"]["Difference"] == "+8.06"
    assert table_rows["decoding (s)"]["Verdict"] == table_rows["decoding (frames/s)"]["Verdict"] == "agrees"
    assert "not comparable: another machine" in {row["Verdict"] for row in rows(other)}


def test_another_sequence_or_scale_is_not_compared() -> None:
    """Neither with ReadySetGo's figures."""
    scaled = only([network("nerv", *NERV, preset=QUICK)])
    (table,) = paper_decoding_tables(scaled, PRINTED)
    assert {(row["Printed"], row["Verdict"]) for row in rows(table)} == {("–", "not comparable: scaled down")}
    bunny = only([replace(network("nerv", *NERV), clip=BUNNY)])
    (table,) = paper_decoding_tables(bunny, PRINTED)
    assert {row["Verdict"] for row in rows(table)} == {"not comparable: printed for 600 frames of ReadySetGo"}
