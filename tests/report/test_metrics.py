"""Reports on other metrics than PSNR and MS-SSIM."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from planted import curve, only, rows

from bench.analysis.bd_rate import bd_rate
from bench.errors import UsageError
from bench.records.record import Quality, Record
from bench.report.content import content
from bench.report.figures.picture import codec_styles
from bench.report.forms.interactive import curve_data
from bench.report.tables.quality import pooling_tables, rd_table

RATES = (0.01, 0.02, 0.04, 0.08)


def with_vmaf(record: Record, value: float) -> Record:
    """The record with two frames, of which the second is worse by eight."""
    assert record.quality
    quality = Quality(
        record.quality.clip | {"vmaf_v1": value, "xpsnr_y": 35.0},
        {"vmaf_v1": [value + 4, value - 4], "psnr_rgb": [30.0, 20.0]},
        {"ssim_y": "planted reason", "ssim_yuv": "planted reason"},
        {"vmaf_v1": "ffmpeg planted"},
        {"xpsnr_y": "measured in 8 bits"},
    )
    return replace(record, quality=quality)


@pytest.fixture
def records() -> list[Record]:
    """x265, and a NeRV that needs half the bits for the same VMAF."""
    anchor = [with_vmaf(record, 60 + 8 * i) for i, record in enumerate(curve("x265", rates=RATES))]
    test = [with_vmaf(record, 60 + 8 * i) for i, record in enumerate(curve("nerv", rates=[r / 2 for r in RATES]))]
    return anchor + test


def test_bd_rate_on_a_chosen_metric(records: list[Record]) -> None:
    """Beside the usual ones, in tables, curves and heat maps."""
    made = content(records, metrics=["vmaf_v1"])
    (section,) = made.sections
    assert section.bd_rates is not None
    (row,) = [row for row in rows(section.bd_rates) if row["Codec"] == "nerv"]
    assert row["VMAF v1 against x265"].startswith("-50.0 %")
    assert bd_rate(
        [(r, 60 + 8 * i) for i, r in enumerate(RATES)], [(r / 2, 60 + 8 * i) for i, r in enumerate(RATES)]
    ).value == pytest.approx(-50)
    names = {picture.name for picture in section.pictures}
    assert {"bunny-320x180x32-vmaf-v1", "bunny-320x180x32-bd-rate-vmaf-v1"} <= names
    assert any(table.name == "bd_matrix_vmaf_v1" for table in section.results)
    usual = content(records).sections[0]
    assert usual.bd_rates is not None
    assert not any("VMAF" in heading for heading in usual.bd_rates.headings())


@pytest.mark.parametrize("metric", ["vmaf", "transient_share"])
def test_a_metric_that_no_record_has(metric: str, records: list[Record]) -> None:
    """With a suggestion, or at least what there is."""
    with pytest.raises(UsageError, match=r"There is no metric .*vmaf_v1"):
        content(records, metrics=[metric])


def test_chart_knows_units(records: list[Record]) -> None:
    """VMAF has no decibels."""
    (section,) = content(records, metrics=["vmaf_v1"]).sections
    data = json.loads(json.dumps(curve_data(section.group, codec_styles(["x265", "nerv"]))))
    assert data["metrics"] == ["PSNR (dB)", "MS-SSIM (dB)", "VMAF v1"]
    assert data["units"] == [" dB", " dB", ""]
    assert data["points"][0][6] in (60.0, 68.0, 76.0, 84.0)


def test_rates_table_has_the_metrics_that_there_are(records: list[Record]) -> None:
    """What is missing has a note, once for all metrics of a reason; what is to be known too."""
    table = rd_table(only(records))
    first = rows(table)[0]
    assert first["VMAF v1"] == "60.00"
    assert first["XPSNR Y (dB)"] == "35.00"
    assert "SSIM Y" not in first
    assert "ssim_y, ssim_yuv are missing for nerv, x265: planted reason" in table.notes
    assert "xpsnr_y: measured in 8 bits." in table.notes


def test_worst_frames(records: list[Record]) -> None:
    """Of a frame of 64 and one of 56: the 5th percentile is 56.4, and all is in the files."""
    (table,) = pooling_tables(only(records))
    first = rows(table)[0]
    assert first["VMAF v1, least"] == "56.00"
    assert first["VMAF v1, 5 %"] == "56.40"
    assert first["VMAF v1, mean"] == "60.00"
    assert first["VMAF v1, harmonic"] == f"{2 / (1 / 65 + 1 / 57) - 1:.2f}"
    assert first["PSNR, least"] == "20.00"
    assert {"vmaf_v1: percentile_1", "psnr_rgb: harmonic_mean"} <= set(table.data.columns)
