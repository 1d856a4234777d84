"""Two result sets side by side, on planted records with known changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from planted import LAPTOP, QUICK, RATES, clip, curve, failed, record, rows

from bench.cli import main
from bench.dataset import ClipWindow
from bench.errors import UsageError
from bench.records.record import Cost, Record
from bench.records.store import Store
from bench.report.compare import compare, render_comparison, write_comparison

BEFORE = [*curve("x264"), *curve("nerv")]


def newer(one: Record) -> Record:
    """The same cell by the codec's next version, with 10 % fewer bytes, 0.1 dB more and twice the encoding time."""
    assert one.stream
    assert one.quality
    better = {name: value + 0.1 if name.endswith(("rgb", "db")) else value for name, value in one.quality.clip.items()}
    bits_per_pixel, size_bytes = one.stream.bits_per_pixel * 0.9, round(one.stream.size_bytes * 0.9)
    return replace(
        one,
        key="00" * 32,
        codec=replace(one.codec, version=one.codec.version + 1),
        stream=replace(one.stream, sha256="56" * 32, size_bytes=size_bytes, bits_per_pixel=bits_per_pixel),
        quality=replace(one.quality, clip=better),
        encode=Cost(25.0, {"encoding": 25.0}, 1.0, 512 << 20),
    )


def test_what_changed() -> None:
    """Cells are matched though their keys differ, and every planted change is found."""
    comparison = compare(BEFORE, [*map(newer, curve("x264")), *curve("nerv")], ("old", "new"))
    table = {(row["Codec"], row["Rate point"]): row for row in rows(comparison.changed)}
    assert len(table) == 8
    row = table["x264", "crf=37, speed=medium"]
    assert (row["Bytes"], row["PSNR (dB)"], row["Encode time"], row["Decode time"]) == (
        "-10.00%", "+0.100", "+100.0%", "+0.0%",
    )  # fmt: skip
    assert (row["Streams"], row["Frames"], row["Note"]) == ("differ", "same", "version 1 to 2")
    assert row["Preset"] == "quick, scaled down"
    assert {row["Streams"] for (codec, _), row in table.items() if codec == "nerv"} == {"same"}
    assert comparison.only.data.empty


def test_curves_are_compared_as_a_whole() -> None:
    """90 % of the bits for 0.1 dB more, on curves where a doubling of the rate gives 3 dB, is known as a BD-rate."""
    comparison = compare(BEFORE, map(newer, BEFORE))
    for row in comparison.curves.data.to_dict("records"):
        assert row["bd_psnr_rgb"] == pytest.approx(100 * (0.9 * 2 ** (-0.1 / 3) - 1))
        assert row["points"] == 4


def test_what_appeared_and_vanished() -> None:
    """Records that differ in any part of a cell's identity are different cells."""
    base = record("x264", 0.01)
    others = [
        record("x265", 0.01),
        replace(base, codec=replace(base.codec, parameters=base.codec.parameters | {"speed": "slow"})),
        record("x264", 0.01, point=1),
        replace(base, clip=clip("uvg", "Jockey")),
        replace(base, clip=clip(frames=16)),
        replace(base, clip=clip(width=640)),
        replace(base, seed=2),
    ]
    comparison = compare([base], others, ("old", "new"))
    assert comparison.changed.data.empty
    assert comparison.only.data["side"].tolist() == ["old", *["new"] * len(others)]
    assert "8 in one alone" in render_comparison(comparison)


def test_scaled_and_cropped_to_one_size_are_two_cells() -> None:
    """A clip cropped to 320x180 does not replace one that was scaled to it, and the table says which is which."""
    (scaled, cropped) = (
        replace(record("x264", 0.01), clip=replace(clip(), cut=cut))
        for cut in (ClipWindow(320, 180), ClipWindow(crop=(320, 180)))
    )
    comparison = compare([scaled, cropped], [newer(scaled), newer(cropped)])
    assert comparison.superseded == 0
    assert [row["Size"] for row in rows(comparison.changed)] == ["320x180x32", "320x180x32, cropped to 320x180"]
    assert len(comparison.curves.data) == 2
    assert rows(compare([scaled], [cropped]).only)[1]["Size"] == "320x180x32, cropped to 320x180"


def test_curves_are_told_apart() -> None:
    """Trainings of two lengths are two curves, as they are in a report."""
    old, new = (
        [replace(one, codec=replace(one.codec, parameters=one.codec.parameters | {"epochs": epochs})) for one in made]
        for epochs, made in ((20, curve("nerv")), (40, curve("nerv", preset=replace(QUICK, digest="00" * 32))))
    )
    comparison = compare([*old, *new], map(newer, [*old, *new]))
    assert [(row["Codec"], row["Points"]) for row in rows(comparison.curves)] == [
        ("nerv (epochs=20)", "4"), ("nerv (epochs=40)", "4"),
    ]  # fmt: skip


def test_schemas_are_remarked() -> None:
    """Of two schemas of a cell the newer one counts, and the note says that they differ."""
    one = BEFORE[0]
    older = replace(one, schema=1, codec=replace(one.codec, version=9), started="2026-01-01T00:00:00Z")
    comparison = compare([older, one], [older])
    assert comparison.superseded == 1
    assert rows(comparison.changed)[0]["Note"] == "schema 2 to 1; version 1 to 9"


def test_times_of_machines_are_not_compared() -> None:
    """Times on another CPU, number of cores or GPU are not compared; bytes and quality are."""
    for machine in (replace(LAPTOP, cpu="Other"), replace(LAPTOP, cores=8), replace(LAPTOP, gpu="H200")):
        (row,) = rows(compare([BEFORE[0]], [replace(BEFORE[0], environment=machine)]).changed)
        assert (row["Encode time"], row["Decode time"], row["Bytes"]) == ("–", "–", "+0.00%")
        assert row["Note"] == "another machine"


def test_what_else_may_explain_a_change() -> None:
    """The note names a failure, other source frames and another encoder."""
    one = BEFORE[0]
    (row,) = rows(compare([one], [failed(one, "crashed")]).changed)
    assert (row["Note"], row["Bytes"], row["PSNR (dB)"]) == ("ok to failed", "–", "–")
    (row,) = rows(compare([one], [replace(one, clip=replace(one.clip, rgb_sha256="99" * 32))]).changed)
    assert row["Note"] == "the source's frames differ, and so may quality"
    (row,) = rows(compare([one], [replace(one, codec=replace(one.codec, tools={"x264": "5.0"}))]).changed)
    assert row["Note"] == "x264 4.1 to 5.0"


def test_the_latest_record_stands_for_a_cell() -> None:
    """Of two versions of a cell in one set the later one counts, and the other is counted as passed over."""
    comparison = compare([*BEFORE, newer(BEFORE[0])], BEFORE)
    assert comparison.superseded == 1
    assert rows(comparison.changed)[0]["Note"] in ("version 2 to 1", "–")
    assert sum(row["Note"] == "version 2 to 1" for row in rows(comparison.changed)) == 1


def test_empty_sets_are_refused() -> None:
    """An empty set is refused by its name."""
    with pytest.raises(UsageError, match="no records in old"):
        compare([], BEFORE, ("old", "new"))


def test_files(tmp_path: Path) -> None:
    """The comparison is written as Markdown, and each of its tables for other programs."""
    folder = write_comparison(compare(BEFORE, [*map(newer, curve("x264")), *curve("vvenc", rates=RATES[:2])]), tmp_path)
    assert len(list(folder.iterdir())) == 1 + 3 * 3
    assert (folder / "compare.md").read_text().startswith("# A and B")
    assert len(pd.read_parquet(folder / "changed.parquet")) == 4
    assert len(pd.read_csv(folder / "only.csv")) == 4 + 2


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints the comparison, writes it beside the second set and ends with status 0. For an empty set it
    ends with status 2 and says what to do."""
    for name, records in (("a", BEFORE), ("b", list(map(newer, BEFORE)))):
        for i, one in enumerate(records):
            Store(tmp_path / name).save(str(i), one)
    assert main(["report", "--compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    assert "8 cells in both, 0 of them with the same stream" in printed
    assert printed.rstrip().endswith(f"Tables: {tmp_path / 'b' / 'compare'}")
    assert main(["report", "--compare", str(tmp_path / "a"), str(tmp_path / "none")]) == 2
    assert "bench run" in capsys.readouterr().err
