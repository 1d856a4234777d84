"""The cures that errors name, followed: after each, what had failed works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.store import Store

pytestmark = pytest.mark.process

RUN = ["run", "--codecs", "raw", "--preset", "smoke"]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results directory with one cell that has a kept frame."""
    assert main([*RUN, "--results", str(tmp_path / "results")]) == 0
    return tmp_path / "results"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What was printed on standard error, which has these words in it."""
    message = capsys.readouterr().err
    for word in words:
        assert word in message, message
    return message


def absent_pictures(results: Path) -> str:
    """Why a report has no visual comparison; nothing if it has one."""
    assert main(["report", "--results", str(results)]) == 0
    text = (results / "report" / "report.html").read_text(encoding="utf-8")
    return "; ".join(re.findall(r"No visual comparison on [^<]*", text))


def test_an_unreadable_record_is_made_anew(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By running again, as the report says; what was there is set aside."""
    (path,) = (results / "records").iterdir()
    damaged = path.read_bytes()[:100]
    path.write_bytes(damaged)
    assert main(["report", "--results", str(results)]) == 2
    said(capsys, path.name, "run `python -m bench run` first")
    assert main([*RUN, "--results", str(results)]) == 0
    assert (results / "records" / "set_aside" / path.name).read_bytes() == damaged
    assert main(["report", "--results", str(results)]) == 0


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_a_kept_frame_comes_back(damage: str, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing one when the cell is run again, an altered one when it is deleted before."""
    (record,) = Store(results).records()
    assert record.still is not None
    assert absent_pictures(results) == ""
    path = results / record.still.source.path
    if damage == "missing":
        path.unlink()
        assert "Run its cell again" in absent_pictures(results)
    else:
        path.write_bytes(b"altered")
        assert "Delete it, and run its cell again" in absent_pictures(results)
        path.unlink()
    assert main([*RUN, "--results", str(results)]) == 0
    assert absent_pictures(results) == ""


def test_a_results_directory_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another one with --results."""
    (tmp_path / "file").touch()
    assert main([*RUN, "--results", str(tmp_path / "file")]) == 2
    said(capsys, "Choose another directory with --results")
    assert main([*RUN, "--results", str(tmp_path / "results")]) == 0


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another one in BENCH_CACHE."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    assert main([*RUN, "--results", str(tmp_path / "results")]) == 2
    said(capsys, "Name another folder in BENCH_CACHE")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    assert main([*RUN, "--results", str(tmp_path / "results")]) == 0


@pytest.mark.usefixtures("broken")
def test_a_cell_that_ran_out_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """More of it with --timeout: here a codec that needs a second and a half."""
    monkeypatch.setenv("HANGS_SECONDS", "1.5")
    run = ["run", "--codecs", "hangs", "--preset", "smoke", "--results", str(tmp_path)]
    assert main([*run, "--timeout", "0.5s"]) == 1
    said(capsys, "timed_out", "Allow more with --timeout")
    assert main([*run, "--timeout", "60s"]) == 0


@pytest.mark.usefixtures("broken")
def test_a_time_budget_that_is_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run again to go on."""
    monkeypatch.setenv("HANGS_SECONDS", "1.5")
    run = ["run", "--codecs", "copy,hangs", "--preset", "smoke", "--results", str(tmp_path)]
    assert main([*run, "--time-budget", "1.5s"]) == 75
    said(capsys, "Run again to go on")
    assert main(run) == 0
