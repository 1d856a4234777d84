"""Reading records that may be of any age, and writing a baseline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from planted import clip, curve, failed, record

from bench.check.baseline import update
from bench.check.reading import read_records
from bench.errors import UsageError
from bench.records.record import SCHEMA, Record
from bench.records.store import Store


def keep(folder: Path, records: list[Record]) -> Path:
    """A results directory with these records."""
    for i, one in enumerate(records):
        Store(folder).save(f"cell-{i}", one)
    return folder


def names(folder: Path) -> list[str]:
    """The records that lie in a results directory."""
    return sorted(file.name for file in (folder / "records").iterdir())


def test_a_folder_of_records_and_a_results_directory(tmp_path: Path) -> None:
    """Both can be named."""
    keep(tmp_path, curve("x264"))
    assert read_records(tmp_path).records == read_records(tmp_path / "records").records
    assert len(read_records(tmp_path).records) == 4


def test_files_that_are_passed_over_are_named(tmp_path: Path) -> None:
    """One that is no record, one of an older schema, and one of a newer schema, which this program may not even be
    able to read."""
    keep(tmp_path, [record("x264", 0.01), replace(record("x264", 0.02), schema=SCHEMA - 1)])
    folder = tmp_path / "records"
    (folder / "half.json").write_bytes((folder / "cell-0.json").read_bytes()[:-100])
    (folder / "new-a.json").write_text(json.dumps({"schema": SCHEMA + 1, "otherwise": "made"}))
    newer = json.loads((folder / "cell-0.json").read_text()) | {"schema": SCHEMA + 1}
    (folder / "new-b.json").write_text(json.dumps(newer))
    found = read_records(tmp_path)
    assert len(found.records) == 1
    assert [(Path(one.subject).name, one.verdict) for one in found.passed_over] == [
        ("cell-1.json", "note"), ("half.json", "note"), ("new-a.json", "incomparable"), ("new-b.json", "incomparable"),
    ]  # fmt: skip
    assert f"schema is {SCHEMA + 1}; this program knows {SCHEMA}" in found.passed_over[2].message


def test_no_records_are_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There are no records in .*Name a directory"):
        read_records(tmp_path / "none")
    keep(tmp_path, [replace(record("x264", 0.02), schema=SCHEMA - 1)])
    with pytest.raises(UsageError, match=f"cell-0.json: The record is passed over: its schema is {SCHEMA - 1}"):
        read_records(tmp_path)


def test_a_first_baseline(tmp_path: Path) -> None:
    """All results become it, under names that any later run of the same cells gives too."""
    results = keep(tmp_path / "results", curve("x264"))
    done = update(tmp_path / "new", results)
    assert (done.folder, done.written, done.removed) == (tmp_path / "new" / "records", 4, 0)
    assert all(name.startswith("bunny-bunny-x264-") for name in names(tmp_path / "new"))
    assert update(tmp_path / "new", results).removed == 0


def test_a_baseline_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Cells that vanished go, cells that appeared come, and results under other conditions stay out. A file that is
    no record of ours goes as well, and one that is no JSON stays."""
    baseline = tmp_path / "baseline"
    update(baseline, keep(tmp_path / "a", [*curve("x264"), *curve("nerv")]))
    (baseline / "records" / "README.md").write_text("kept")
    elsewhere = curve("x264", where=clip(frames=132))
    done = update(baseline, keep(tmp_path / "b", [*curve("x265"), *curve("nerv"), *elsewhere]))
    assert (done.written, done.removed) == (8, 4)
    kept = read_records(baseline).records
    assert sorted({one.codec.name for one in kept}) == ["nerv", "x265"]
    assert {one.clip.rgb.format.frames for one in kept} == {32}
    assert "README.md" in names(baseline)


def test_of_several_records_of_a_cell_the_newest_is_taken(tmp_path: Path) -> None:
    one = record("x264", 0.01)
    newer = replace(one, key="ff" * 32, codec=replace(one.codec, version=2))
    update(tmp_path / "new", keep(tmp_path / "results", [newer, one]))
    assert [kept.codec.version for kept in read_records(tmp_path / "new").records] == [2]


@pytest.mark.parametrize("status", ["failed", "timed_out"])
def test_failed_cells_are_refused(tmp_path: Path, status: str) -> None:
    """And the baseline stays what it was."""
    baseline = tmp_path / "baseline"
    update(baseline, keep(tmp_path / "a", curve("x264")))
    before = names(baseline)
    bad = replace(failed(record("x264", 0.01), "no memory"), status=status)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"1 of 2 cells in .* failed or timed out.*bunny/bunny x264 .*no memory"):
        update(baseline, keep(tmp_path / "b", [bad, record("x264", 0.02, point=1)]))
    assert names(baseline) == before


def test_results_of_something_else_are_refused(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline"
    update(baseline, keep(tmp_path / "a", curve("x264")))
    with pytest.raises(
        UsageError, match=r"no cell under the conditions of the baseline .*32 frames of 320x180 of bunny"
    ):
        update(baseline, keep(tmp_path / "b", curve("x264", where=clip(frames=132))))


def test_a_baseline_of_an_older_schema_can_be_replaced(tmp_path: Path) -> None:
    """It can no longer be compared with, and still says under which conditions it was."""
    baseline = keep(tmp_path / "baseline", [replace(one, schema=SCHEMA - 1) for one in curve("x264")])
    done = update(baseline, keep(tmp_path / "results", [*curve("x264"), *curve("x265", where=clip(frames=132))]))
    assert (done.written, done.removed) == (4, 4)
    assert len(read_records(baseline).records) == 4
