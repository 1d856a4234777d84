"""Our figures beside the paper's: what is printed, recomputed, and what stands beside what."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from planted import LAPTOP, PAPER, QUICK, clip, curve, only, record, rows

from bench.analysis.comparable import METRICS, comparable_sets
from bench.analysis.pairs import pairs
from bench.analysis.paper import load_paper
from bench.codec import Complexity
from bench.dataset import ClipWindow, Fidelity
from bench.records.record import PresetFacts, Record
from bench.registry import datasets
from bench.report.content import content
from bench.report.forms import markdown
from bench.report.tables.paper import paper_bd_table, paper_decoding_tables
from bench.report.tables.quality import rd_table
from bench.report.tables.table import Table

PRINTED = load_paper()
BUNNY = clip("bunny", "bunny", 1280, 720, 132)
READY = clip("uvg", "ReadySetGo", 1920, 1080, 600)


# --- What is printed


def test_all_of_table_1_is_there() -> None:
    """Table 1 has eight rows, of Bunny and of UVG's seven sequences, each under the name of our dataset."""
    values = PRINTED.bd_rate.values
    assert [value.printed_as for value in values] == [
        "Bunny", "Beauty", "Jockey", "HoneyBee", "ReadySetGo", "YachtRide", "Bosphorus", "ShakenDry",
    ]  # fmt: skip
    for name in ("bunny", "uvg"):
        assert {value.sequence for value in values if value.dataset == name} == {*datasets.load(name).sequences}
    assert PRINTED.bd_rate.averages.keys() == METRICS.keys()


def test_averages_are_recomputed() -> None:
    """The printed average on PSNR is the mean of the eight values; that on MS-SSIM is 0.01 points off."""
    table = PRINTED.bd_rate
    assert table.recomputed_average("psnr_rgb") == pytest.approx(-12.0625)
    assert table.recomputed_average("ms_ssim_rgb_db") == pytest.approx(-14.25875)
    assert table.averages == {"psnr_rgb": -12.06, "ms_ssim_rgb_db": -14.25}
    notes = paper_table(whole("bunny", 1.0)).notes
    assert (
        "PSNR: the printed average, -12.06 %, beside the mean of the eight printed values, -12.0625 %: agrees." in notes
    )
    assert (
        "MS-SSIM (dB): the printed average, -14.25 %, beside the mean of the eight printed values, -14.25875 %: "
        "differs, since that rounds to -14.26 %." in notes
    )


def test_ranges_in_the_text_are_recomputed() -> None:
    """The remarks say what the text leaves out of the two ranges, by the values of the table."""
    ms_ssim, psnr, beauty = PRINTED.bd_rate.remarks
    values = {value.sequence: value for value in PRINTED.bd_rate.values}
    by_gain = sorted(values.values(), key=lambda value: value.ms_ssim_rgb_db)
    for value in (by_gain[0], by_gain[-1]):
        assert f"{value.ms_ssim_rgb_db} % for {value.sequence}" in ms_ssim
    assert f"{by_gain[-1].ms_ssim_rgb_db}% to {-by_gain[0].ms_ssim_rgb_db}%" in ms_ssim
    (loss,) = [value for value in values.values() if value.psnr_rgb > 0]
    others = sorted(value.psnr_rgb for value in values.values() if value.psnr_rgb < 0)
    assert f"{others[-1]:.2f} % to {others[0]:.2f} %" in psnr
    assert f"{loss.sequence}, a loss of {loss.psnr_rgb} %" in psnr
    assert values["Beauty"].ms_ssim_rgb_db == PRINTED.bd_rate.averages["psnr_rgb"]
    assert f"{values['Beauty'].ms_ssim_rgb_db} %" in beauty


def test_times_and_rates_of_table_2_are_recomputed() -> None:
    """The remarks have the relative times and bitrates, frames per second, bits per parameter, and the part of the
    time that does not grow with the GMACs."""
    table = PRINTED.decoding
    longer, rate, fps, bits, constant = table.remarks
    nerv, e_nerv, res_nerv = table.values
    assert [value.codec for value in table.values] == ["nerv", "e-nerv", "res-nerv"]
    assert [value.bitrate_mbps for value in table.values] == [3.5, 3.5, 3.6]
    for other, name in ((nerv, "NeRV"), (e_nerv, "E-NeRV")):
        assert f"{100 * (res_nerv.decode_seconds / other.decode_seconds - 1):.1f} % against {name}" in longer
    assert (
        f"{res_nerv.bitrate_mbps} Mbps are {100 * (res_nerv.bitrate_mbps / nerv.bitrate_mbps - 1):.1f} % more" in rate
    )
    for value, name in zip(table.values, ("NeRV", "E-NeRV", "Res-NeRV"), strict=True):
        assert f"{name} {table.frames_if_whole / value.decode_seconds:.2f}" in fps
        seconds = table.frames_if_whole / 120
        assert f"{name} {value.bitrate_mbps * seconds / value.parameters_millions:.2f}" in bits
        assert 4 * value.bitrate_mbps * seconds / value.parameters_millions > 8
    assert f"{res_nerv.gmacs_per_frame / nerv.gmacs_per_frame:.2f} times NeRV's GMACs" in constant
    assert f"{res_nerv.decode_seconds / nerv.decode_seconds:.2f} times its time" in constant
    slope = (res_nerv.decode_seconds - nerv.decode_seconds) / (res_nerv.gmacs_per_frame - nerv.gmacs_per_frame)
    assert f"would be {nerv.decode_seconds - slope * nerv.gmacs_per_frame:.1f} of" in constant


# --- Table 1


def both(gain: float, **place: Any) -> list[Record]:
    """Curves of NeRV and, ``gain`` dB above it, of Res-NeRV."""
    return [*curve("nerv", **place), *curve("res-nerv", gain=gain, **place)]


def whole(sequence: str, gain: float, *, fidelity: Fidelity = "exact", **more: Any) -> list[Record]:
    """The two curves on a whole sequence of the paper's, ``gain`` dB apart."""
    frames = 300 if sequence == "ShakeNDry" else 600
    where = BUNNY if sequence == "bunny" else clip("uvg", sequence, 1920, 1080, frames)
    where = replace(where, source=replace(where.source, fidelity=fidelity, frames=where.rgb.format.frames))
    return both(gain, where=where, preset=PAPER, **more)


def paper_table(records: list[Record]) -> Table:
    """The table beside Table 1, of all that there is."""
    table = paper_bd_table([(group, pairs(group)) for group in comparable_sets(records)], PRINTED)
    assert table is not None
    return table


def row_of(table: Table, sequence: str, metric: str = "PSNR") -> dict[str, str]:
    """One row of the table."""
    (row,) = [row for row in rows(table) if (row["Sequence"], row["Metric"]) == (sequence, metric)]
    return row


def gain_of(percent: float) -> float:
    """The dB that make a BD-rate: planted curves rise by 3 dB with each doubling of rate."""
    return -3 * math.log2(1 + percent / 100)


def test_verdicts() -> None:
    """-20 % agrees on PSNR and is 2.47 points from what is printed for MS-SSIM; on PSNR a BD-rate 1.9 points
    off still agrees, and one 2.1 points off does not."""
    table = paper_table(whole("bunny", gain_of(-20)))
    assert row_of(table, "bunny") == {
        "Codec": "res-nerv", "Anchor": "nerv", "Dataset": "bunny", "Sequence": "bunny", "Metric": "PSNR",
        "Ours": "-20.00", "Overlap": "0.89", "Spread": "0.0", "95 % interval": "–", "Printed": "-20.36",
        "Difference": "+0.36", "Verdict": "agrees",
    }  # fmt: skip
    ms_ssim = row_of(table, "bunny", "MS-SSIM (dB)")
    assert (ms_ssim["Printed"], ms_ssim["Difference"], ms_ssim["Verdict"]) == ("-17.53", "-2.47", "differs")
    assert row_of(paper_table(whole("bunny", gain_of(-22.26))), "bunny")["Verdict"] == "agrees"
    assert row_of(paper_table(whole("bunny", gain_of(-22.46))), "bunny")["Verdict"] == "differs"


def test_all_rows_stand_there_in_the_papers_order() -> None:
    """A sequence without a result has a dash, the printed value and the reason."""
    table = paper_table(whole("Jockey", 1.0))
    names = [row["Sequence"] for row in rows(table) if row["Metric"] == "PSNR"]
    assert names == [*(value.sequence for value in PRINTED.bd_rate.values), "average"]
    beauty = row_of(table, "Beauty")
    assert (beauty["Ours"], beauty["Printed"], beauty["Verdict"]) == ("–", "4.18", "no records")
    assert row_of(table, "average")["Verdict"] == "1 of 8 sequences have a result that may be compared"
    assert "The paper writes ShakenDry for ShakeNDry." in table.notes


def test_average_over_both_datasets() -> None:
    """Where all eight sequences are there, the average has a value, a difference, an interval and a verdict."""
    records = [one for value in PRINTED.bd_rate.values for one in whole(value.sequence, gain_of(value.psnr_rgb))]
    average = row_of(paper_table(records), "average")
    assert (average["Ours"], average["Printed"], average["Difference"]) == ("-12.06", "-12.06", "-0.00")
    assert average["Verdict"] == "agrees"
    low, high = map(float, average["95 % interval"].split(" to "))
    assert low < -12.06 < high
    one_less = row_of(paper_table(records[:-8]), "average")
    assert (one_less["Ours"], one_less["Difference"]) == ("–", "–")
    assert one_less["Verdict"] == "7 of 8 sequences have a result that may be compared"


@pytest.mark.parametrize(
    ("changes", "preset", "reason"),
    [
        ({"cut": ClipWindow(frames=32)}, PAPER, "32 of 132 frames"),
        ({"cut": ClipWindow(320, 180)}, PAPER, "scaled to 320x180"),
        ({"cut": ClipWindow(crop=(320, 180))}, PAPER, "cropped to 320x180"),
        ({}, QUICK, "1280x720, preset quick is not at full scale"),
    ],
)
def test_scaled_down_has_no_row(changes: dict[str, Any], preset: PresetFacts, reason: str) -> None:
    """Where a cut or another preset stands in the way, the row has a dash for ours and says so, even where the
    BD-rate would be the printed one."""
    cut = changes.get("cut", ClipWindow())
    width, height = (320, 180) if cut.crop or cut.width else (1280, 720)
    where = replace(clip("bunny", "bunny", width, height, cut.frames or 132), **changes)
    row = row_of(paper_table(both(gain_of(-20.36), where=where, preset=preset)), "bunny")
    assert (row["Ours"], row["Difference"]) == ("–", "–")
    assert row["Verdict"] == f"not comparable: scaled down ({reason})"


@pytest.mark.parametrize("fidelity", ["converted", "lossy"])
def test_another_source_has_no_row(fidelity: Fidelity) -> None:
    """A source that is not of the paper's samples is stamped, and none of its figures stands beside the paper's."""
    records = whole("bunny", gain_of(-20), fidelity=fidelity)
    assert f"{fidelity} source: bunny; not comparable with published figures" in rd_table(only(records)).caption
    row = row_of(paper_table(records), "bunny")
    assert (row["Ours"], row["Verdict"]) == ("–", f"not comparable: {fidelity} source")


def test_refused_stays_refused() -> None:
    """The reason of a refusal stands in place of the verdict."""
    assert row_of(paper_table(whole("bunny", 50.0)), "bunny")["Verdict"] == "refused: the curves share no quality"


def test_each_curve_has_its_rows() -> None:
    """Options set by hand make another curve, which stands beside the paper as well."""
    where: dict[str, Any] = {"where": BUNNY, "preset": PAPER}
    table = paper_table([*whole("bunny", 1.0), *curve("res-nerv", gain=0.5, label="res-nerv[norm=in]", **where)])
    assert {row["Codec"] for row in rows(table)} == {"res-nerv", "res-nerv[norm=in]"}
    assert len(table.data) == 2 * 2 * 9


def test_no_table_without_the_pair() -> None:
    """There is no table without NeRV, without Res-NeRV, or on another video only."""
    for records in (curve("nerv"), curve("res-nerv"), both(1.0, where=clip("mine", "holiday"))):
        assert paper_bd_table([(only(records), pairs(only(records)))], PRINTED) is None


def test_a_codec_that_is_missing_is_named() -> None:
    """A sequence with records of one of the two codecs only says which one is missing."""
    jockey: dict[str, Any] = {"where": clip("uvg", "Jockey", 1920, 1080, 600), "preset": PAPER}
    table = paper_table([*whole("bunny", 1.0), *curve("res-nerv", **jockey)])
    assert row_of(table, "Jockey")["Verdict"] == "no records of nerv"
    table = paper_table([*whole("bunny", 1.0), *curve("nerv", **jockey)])
    assert row_of(table, "Jockey")["Verdict"] == "no records of res-nerv"


def test_it_comes_first_where_there_is_something_to_compare() -> None:
    """The table stands before the sections if any figure of ours is in it, and after them if none is."""
    for records, first in ((whole("bunny", 1.0), True), (both(1.0), False)):
        text = markdown.render(content(records))
        assert (text.index("## Beside the paper") < text.index("## bunny")) == first
        assert ("## Beside the paper" in markdown.brief(content(records))) == first


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
    assert table_rows["decoding (s)"]["Verdict"] == "agrees, if printed for 600 frames"
    assert table_rows["decoding (frames/s)"]["Verdict"] == "agrees, if printed for 600 frames"
    assert "not comparable: another machine" in {row["Verdict"] for row in rows(other)}


def test_another_sequence_or_scale_is_not_compared() -> None:
    """Neither a scaled-down record nor another sequence stands beside ReadySetGo's figures."""
    scaled = only([network("nerv", *NERV, preset=QUICK)])
    (table,) = paper_decoding_tables(scaled, PRINTED)
    assert {(row["Printed"], row["Verdict"]) for row in rows(table)} == {("–", "not comparable: scaled down")}
    bunny = only([replace(network("nerv", *NERV), clip=BUNNY)])
    (table,) = paper_decoding_tables(bunny, PRINTED)
    assert {row["Verdict"] for row in rows(table)} == {"not comparable: printed for ReadySetGo"}
