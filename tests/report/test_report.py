"""Reports on planted records whose every number is known."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import pytest
from planted import LAPTOP, PAPER, clip, curve, failed, only, record, rows

from bench.analysis.comparable import CODEC_ORDER
from bench.errors import UsageError
from bench.records.record import Quality, Record
from bench.records.store import Store
from bench.report.content import content
from bench.report.figures.curves import draw
from bench.report.figures.picture import codec_styles
from bench.report.forms import markdown
from bench.report.tables.cells import problem_table
from bench.report.tables.cost import decoding_tables
from bench.report.tables.ledger import ledger_table
from bench.report.tables.quality import rd_table
from bench.report.write import write_report

# A gain of 3 dB is one doubling of rate: a BD-rate of -50 %.
PLANTED = [*curve("nerv"), *curve("e-nerv", gain=3), *curve("x265", gain=1.5)]


# --- Sections


def test_sections_never_mix() -> None:
    """Each comparable set has a section of its own, and every caption in it says which one it is."""
    base = record("nerv", 0.01)
    others = [
        replace(base, clip=clip("uvg", "beauty")),
        replace(base, preset=PAPER),
        replace(base, clip=clip(width=640)),
        replace(base, clip=clip(frames=16)),
    ]
    made = content([base, *others])
    assert len(made.sections) == 5
    assert len({section.group.slug for section in made.sections}) == 5
    for section in made.sections:
        captions = [table.caption for table in (*section.results, section.status)]
        captions += [picture.caption for picture in section.pictures]
        assert all(section.group.presets_and_extent in caption for caption in captions)
        named = [table for table in section.results if table.name != "paper_table_2"]
        assert all(len(table.data) == 1 for table in named)


def test_scaled_down_is_stamped() -> None:
    """Whatever is not at full scale says so in its caption and in its picture."""
    stamp = "scaled down: preset quick, 32 frames of 320x180; not comparable with published full-scale figures"
    group = only(PLANTED)
    assert rd_table(group).caption == f"Rate and quality: bunny, {stamp}"
    title = draw(group, "psnr_rgb", codec_styles([])).get_suptitle()
    assert title.replace("\n", "; ").endswith(stamp)
    assert "scaled down" not in rd_table(only(curve("nerv", preset=PAPER))).caption


# --- Tables


def test_decoding_row() -> None:
    """Every column of the table of decoding has its planted value, for a network and for a standard codec."""
    (table,) = decoding_tables(
        only([record("nerv", 0.04, point=0), record("nerv", 0.08, point=1), record("x265", 0.04)])
    )
    network, _, standard = rows(table)
    assert network == {
        "Codec": "nerv",
        "Rate point": "fc_dim=10",
        "Parameters (M)": "1.500",
        "Bitrate (Mbps)": "0.0576",
        "GMACs per frame": "0.058",
        "kMACs per pixel": "1.00",
        "Decode, warm (s)": "0.640",
        "Decode, cold (s)": "1.640",
        "Decode, one core (s)": "–",
        "Decode CPU (s)": "1.25",
        "entropy decoding (s)": "0.140",
        "network (s)": "0.500",
        "Decode (frames/s)": "50.0",
        "Decode peak (MiB)": "256",
        "PSNR (dB)": "36.00",
    }
    assert {standard[name] for name in ("Parameters (M)", "GMACs per frame", "kMACs per pixel")} == {"–"}
    assert "Not counted in the MACs of nerv: aten::gelu (5)." in table.notes


def test_timings_of_machines_stand_apart() -> None:
    """Another CPU, number of cores or GPU has a table of its own."""
    machines = [LAPTOP, replace(LAPTOP, cpu="Other"), replace(LAPTOP, cores=8), replace(LAPTOP, gpu="H200")]
    tables = decoding_tables(only([record("nerv", 0.01, seed=i, environment=m) for i, m in enumerate(machines)]))
    assert [len(table.data) for table in tables] == [1, 1, 1, 1]
    assert "on 2 cores of Planted CPU and H200" in tables[3].caption


def test_ledger_has_every_purpose() -> None:
    """The columns are the purposes of all ledgers, and each row sums to the size of its stream."""
    ledger = only(PLANTED)
    table = ledger_table(ledger)
    assert [*table.data.columns[-4:]] == ["header", "weights", "parameter_sets", "slices"]
    assert len(table.data) == len(ledger.cells)
    for row in table.data.to_dict("records"):
        assert sum(row[name] or 0 for name in table.data.columns[-4:]) == row["size_bytes"]


def test_lossless_and_missing_values() -> None:
    """An infinite PSNR is printed but not drawn; a missing metric is explained under the table."""
    lossless = record("raw", 12.0)
    quality = Quality({"psnr_rgb": math.inf}, {}, {"ms_ssim_rgb": "frames are too small"})
    group = only([replace(lossless, quality=quality), *curve("x265")])
    table = rd_table(group)
    assert rows(table)[-1] | {"Record": ""} == {
        "Codec": "raw",
        "Rate point": "–",
        "Bits per pixel": "12.0000",
        "PSNR (dB)": "inf",
        "MS-SSIM": "–",
        "MS-SSIM (dB)": "–",
        "Record": "",
    }
    assert table.notes == ("ms_ssim_rgb is missing for raw: frames are too small",)
    (axes,) = draw(group, "psnr_rgb", codec_styles(["raw"])).axes
    assert [line.get_label() for line in axes.lines if line.get_marker() != "None"] == ["x265"]


# --- Failures


def test_failures_are_visible() -> None:
    """A cell without a result stands with its reason before all numbers, in Markdown and in HTML."""
    broken = failed(record("e-nerv", 0.01, point=7), "CUDA out of memory | <tried 3 GiB>\nsee the log")
    records = [*curve("nerv"), *curve("e-nerv"), broken]
    assert rows(problem_table(only(records)))[0]["Reason"] == broken.reason
    made = content(records)
    text = markdown.render(made)
    assert "CUDA out of memory \\| <tried 3 GiB>; see the log" in text
    assert text.index("CUDA") < text.index("Rate and quality")
    assert "9 cells: 8 with a result, 1 without" in text
    assert rows(made.sections[0].status)[1] == {
        "Codec": "e-nerv", "Cells": "5", "ok": "4", "failed": "1", "skipped": "0", "timed out": "0",
    }  # fmt: skip


def test_all_failed(tmp_path: Path) -> None:
    """A report without any result is still a report."""
    page = write_report([failed(record(name, 0.01), "no such encoder") for name in ("nerv", "x265")], tmp_path)
    assert page.read_text().count("no such encoder") == 2
    assert not list(tmp_path.glob("*.png"))


# --- Pictures


def test_source_line_on_bunny() -> None:
    """The line stands at the source's own rate if that is near the curves, and only on Bunny."""
    styles = codec_styles([])

    def lines(records: list[Record]) -> list[float]:
        (axes,) = draw(only(records), "psnr_rgb", styles).axes
        return [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "None"]  # type: ignore[index, arg-type]

    rate = 8 * 795_933 / (132 * 320 * 180)
    assert lines(curve("x265", rates=(0.1, 0.2, 0.4, 0.8))) == [pytest.approx(rate)]
    assert lines(curve("x265", rates=(0.001, 0.002))) == []
    assert lines(curve("x265", where=clip("uvg", "beauty"), rates=(0.1, 0.8))) == []
    assert f"bunny: {rate:.4f}" in (content(curve("x265")).sections[0].source_note or "")


def test_codecs_look_the_same_everywhere() -> None:
    """A codec's look depends on no other codec, and no two share one."""
    assert codec_styles(["x265"])["x265"] == codec_styles(["nerv", "x265", "new"])["x265"]
    styles = codec_styles([*CODEC_ORDER, "a", "b", "c", "d"])
    assert len(set(styles.values())) == len(styles) == len(CODEC_ORDER) + 4


# --- Files


def test_files(tmp_path: Path) -> None:
    """Records on disk become every file of a report."""
    store = Store(tmp_path)
    many = [r for sequence in ("beauty", "jockey") for r in curve("nerv", where=clip("uvg", sequence), preset=PAPER)]
    for i, one in enumerate([*PLANTED, *many, failed(record("vvenc", 0.1), "not built in")]):
        store.save(str(i), one)
    page = write_report(list(store.records()), tmp_path / "report")
    names = {path.name for path in page.parent.iterdir()}
    assert {"report.html", "report.md", "report.tex", "manifest.json", "tables", "tex"} <= names
    png, svg, pdf = ({path.stem for path in page.parent.glob(f"*.{form}")} for form in ("png", "svg", "pdf"))
    assert png == svg == pdf
    assert len(png) == 12

    with (page.parent / "tables/records.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 21
    assert float(lines[0]["quality.clip.psnr_rgb"]) == pytest.approx(30)
    assert not any(name.startswith(("quality.frames", "notes", "training")) for name in lines[0])
    with (page.parent / "tables/bd_rate.csv").open() as file:
        half = [line for line in csv.DictReader(file) if (line["codec"], line["anchor"]) == ("e-nerv", "nerv")]
    assert [float(line["bd_rate_percent"]) for line in half] == [pytest.approx(-50)] * 2
    with (page.parent / "tables/decoding.csv").open() as file:
        assert {line["preset"] for line in csv.DictReader(file)} == {"quick", "paper"}


def test_reports_are_pure(tmp_path: Path) -> None:
    """The same records, in any order, give the same bytes."""
    once, again = write_report(PLANTED, tmp_path / "a"), write_report(PLANTED[::-1], tmp_path / "b")
    paths = [path.relative_to(once.parent) for path in once.parent.rglob("*") if path.is_file()]
    assert len(paths) > 50
    for path in paths:
        assert (once.parent / path).read_bytes() == (again.parent / path).read_bytes(), path


def test_what_records_say_is_escaped(tmp_path: Path) -> None:
    """Text from records does not become markup."""
    records = [*curve("nerv"), failed(record("<b>evil</b>", 0.1), "<script>alert()</script>")]
    page = write_report(records, tmp_path).read_text()
    assert "<script>alert" not in page
    assert "<b>evil" not in page


def test_no_records(tmp_path: Path) -> None:
    """Without records there is an error that says what to do."""
    with pytest.raises(UsageError, match="python -m bench run"):
        write_report([], tmp_path)
    assert not list(tmp_path.iterdir())
