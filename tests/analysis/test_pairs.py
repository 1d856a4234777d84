"""BD-rates over sequences and seeds, and their tables, on planted curves whose BD-rates are known."""

from __future__ import annotations

import pytest
from planted import RATES, clip, curve, failed, only, record, rows

from bench.analysis.comparable import ComparableSet
from bench.analysis.pairs import comparisons, pairs
from bench.errors import UsageError
from bench.records.record import Record
from bench.report.content import content
from bench.report.forms import markdown
from bench.report.tables.bd_rate import bd_matrices, bd_mean_data, bd_rate_data, bd_table
from bench.report.tables.table import Table

# A gain of 3 dB is one doubling of rate: a BD-rate of -50 %.
PLANTED = [*curve("nerv"), *curve("e-nerv", gain=3), *curve("x265", gain=1.5)]


def table_of(group: ComparableSet) -> Table | None:
    """The table of BD-rates against the usual anchors."""
    return bd_table(group, pairs(group))


def on_sequences(**gains: float) -> list[Record]:
    """The curves of nerv and x264 on each sequence; x264 is better there by the given gain in dB."""
    places = {sequence: clip("uvg", sequence) for sequence in gains}
    return [
        one
        for sequence, place in places.items()
        for one in (*curve("nerv", where=place), *curve("x264", gain=gains[sequence], where=place))
    ]


def test_bd_rates_have_known_values() -> None:
    """Where a doubling of the rate gives 3 dB, 3 dB more halve the bits, on both metrics."""
    table = {row["Codec"]: row for row in rows(table_of(only(PLANTED)))}
    for metric in ("PSNR", "MS-SSIM (dB)"):
        assert table["nerv"][f"{metric} against nerv"] == "anchor"
        assert table["e-nerv"][f"{metric} against nerv"] == "-50.0 %\noverlap 0.67 (little), spread 0.0"
        assert table["nerv"][f"{metric} against x265"] == "+41.4 %\noverlap 0.83, spread 0.0"


def test_refused_bd_rate_says_why() -> None:
    """A cell whose BD-rate was refused has the reason, and neither an empty nor an invented value."""
    table = rows(table_of(only([*curve("nerv"), *curve("x264", rates=RATES[:3]), failed(record("x265", 0.1), "no")])))
    assert table[1]["PSNR against nerv"] == "refused\nthe test curve has 3 points; 4 are needed"
    assert table[2]["PSNR against nerv"] == "refused\nx265 has no results"
    assert table[1]["PSNR against x265"] == "refused\nx265 has no results"


def test_mean_names_what_it_leaves_out() -> None:
    """The mean over sequences says how many of them it covers."""
    records = []
    for sequence, gain in (("beauty", 3.0), ("bosphorus", 0.0), ("jockey", 50.0)):
        place = clip("uvg", sequence)
        records += [*curve("nerv", where=place), *curve("x264", gain=gain, where=place)]
    table = {
        row["Sequence"]: row["PSNR against nerv"] for row in rows(table_of(only(records))) if row["Codec"] == "x264"
    }
    assert table["mean"] == "-25.0 %\n2 of 3 sequences, [-50.0, +0.0]"
    assert table["jockey"].startswith("refused\nthe curves share no quality")


def test_seeds_are_curves_of_their_own() -> None:
    """The points of several seeds do not become one curve; the BD-rates of their curves are averaged."""
    records = [*curve("nerv"), *curve("x264", gain=3), *curve("x264", gain=0, seed=2)]
    assert rows(table_of(only(records)))[1]["PSNR against nerv"] == (
        "-25.0 %\noverlap 0.67 (little), spread 0.0, [-50.0, +0.0]"
    )
    assert {(item.anchor_seed, item.codec_seed) for item in comparisons(only(records))} == {(1, 1), (1, 2)}


def test_one_refused_seed_refuses_the_cell() -> None:
    """The mean over seeds is refused if one seed is, since it leaves no seed out."""
    records = [*curve("nerv"), *curve("x264"), *curve("x264", seed=2, rates=RATES[:2])]
    assert "1 of 2 pairs of seeds" in rows(table_of(only(records)))[1]["PSNR against nerv"]


def test_no_anchor_no_bd_rates() -> None:
    """Without nerv and x265 a sentence stands in place of the table."""
    assert table_of(only(curve("x264"))) is None
    assert markdown.NO_BD_RATES in markdown.render(content(curve("x264")))


def test_anchor_is_the_plain_curve() -> None:
    """Of several curves of a codec, the anchor is the one without options set by hand."""
    group = only([*curve("nerv", label="nerv(bits=6)"), *curve("nerv")])
    assert {(item.anchor, item.codec) for item in comparisons(group)} == {("nerv", "nerv(bits=6)")}


# --- Over sequences


def test_both_orders_of_averaging() -> None:
    """BD-rates of -50 % and 0 % average to -25 %. The mean curve gains 1.5 dB, half of a doubling: -29.3 %."""
    table = {
        row["Sequence"]: row
        for row in rows(table_of(only(on_sequences(beauty=3.0, jockey=0.0))))
        if row["Codec"] == "x264"
    }
    assert table["mean"]["PSNR against nerv"].startswith("-25.0 %\n2 of 2 sequences")
    assert table["mean curve"]["PSNR against nerv"].startswith("-29.3 %\noverlap 0.83")


def test_mean_curve_needs_the_same_points() -> None:
    """A codec that lacks a rate point or all points on one sequence has no mean curve."""
    records = on_sequences(beauty=3.0, jockey=0.0)
    (group,) = [only(records[:-1])]
    reason = pairs(group)["x264", "nerv", "psnr_rgb"].mean_curve.reason
    assert reason == "x264 has other rate points on jockey than on beauty"
    reason = pairs(only(records[:-4]))["x264", "nerv", "psnr_rgb"].mean_curve.reason
    assert reason == "x264 has no results on jockey"


def test_mean_curve_weighs_sequences_alike() -> None:
    """A second seed on one sequence changes the mean of that sequence only, and not its weight."""
    records = [*on_sequences(beauty=0.0, jockey=0.0), *curve("nerv", gain=3, seed=2, where=clip("uvg", "beauty"))]
    value = pairs(only(records))["nerv", "x264", "psnr_rgb"].mean_curve.value
    assert value == pytest.approx(100 * (2 ** (-0.75 / 3) - 1))


def test_interval_is_over_sequences_and_seeds() -> None:
    """One sequence with one seed has no interval; that of two sequences reaches from one value to the other."""
    pair = pairs(only(on_sequences(beauty=3.0)))["x264", "nerv", "psnr_rgb"]
    assert pair.mean.interval is None
    assert pair.seed_interval("beauty") is None
    pair = pairs(only(on_sequences(beauty=3.0, jockey=0.0)))["x264", "nerv", "psnr_rgb"]
    assert pair.mean.interval == pytest.approx((-50, 0))


# --- Anchors and all pairs


def test_any_anchor() -> None:
    """An anchor is named by its codec or by its label; an unknown one is refused with a suggestion."""
    records = [*curve("x264"), *curve("x264", gain=3, label="x264[preset=slow]")]
    made = content(records, against=["x264[preset=slow]"])
    assert rows(made.sections[0].bd_rates)[0]["PSNR against x264[preset=slow]"].startswith("+100.0 %")
    with pytest.raises(UsageError, match="Did you mean 'x264'"):
        content(records, against=["x26"])


def test_matrix_has_all_pairs() -> None:
    """The matrix has both directions of each pair. A refused pair has a letter, and a note gives its reason."""
    records = [*PLANTED, *curve("vvenc", rates=RATES[:3])]
    psnr, ms_ssim = bd_matrices(only(records), pairs(only(records)))
    assert ms_ssim.caption.startswith("BD-rate of all pairs, MS-SSIM (dB)")
    table = {row["Codec"]: row for row in rows(psnr)}
    assert table["nerv"] | {"vvenc": ""} == {
        "Codec": "nerv", "nerv": "anchor", "e-nerv": "+100.0 [0.67, 0.0]", "x265": "+41.4 [0.83, 0.0]", "vvenc": "",
    }  # fmt: skip
    assert table["e-nerv"]["nerv"] == "-50.0 [0.67, 0.0]"
    assert table["nerv"]["vvenc"] == "(a)"
    assert "(a) the anchor curve has 3 points; 4 are needed" in psnr.notes[0]
    assert "(b) the test curve has 3 points; 4 are needed" in psnr.notes[0]


def test_matrix_over_sequences_counts_them() -> None:
    """A cell of the matrix says over how many of how many sequences it goes."""
    group = only(on_sequences(beauty=3.0, bosphorus=0.0, jockey=50.0))
    psnr, _ = bd_matrices(group, pairs(group))
    assert rows(psnr)[1]["nerv"] == "-25.0 [2 of 3]"


def test_data_tables_hold_every_number() -> None:
    """Other programs get each pair of curves, and each pair of codecs over the sequences."""
    group = only(on_sequences(beauty=3.0, bosphorus=0.0, jockey=50.0))
    compared = [(group, pairs(group))]
    each, over = bd_rate_data(compared), bd_mean_data(compared)
    assert len(each) == 2 * 2 * 3
    row = over[(over["codec"] == "x264") & (over["metric"] == "psnr_rgb")].to_dict("records")[0]
    assert row["mean_bd_rate_percent"] == pytest.approx(-25)
    assert (row["sequences_used"], row["sequences"], row["full_scale"]) == (2, 3, False)
    assert row["mean_curve_reason"] == "the curves share no quality"
    refused = each[(each["codec"] == "x264") & (each["sequence"] == "jockey")]
    assert set(refused["reason"]) == {"the curves share no quality"}
