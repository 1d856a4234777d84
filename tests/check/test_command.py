"""`python -m bench check`: exit statuses, and what is written where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml
from planted import LAPTOP, clip, curve

from bench.cli import main
from bench.records.record import Record
from bench.records.store import Store

BASE = [
    replace(one, environment=replace(LAPTOP, instruction_sets=["avx2"])) for one in (*curve("x264"), *curve("nerv"))
]

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Makes results directories, outside of any continuous integration."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def make(name: str, records: list[Record]) -> Path:
        for i, one in enumerate(records):
            Store(tmp_path / name).save(f"cell-{i}", one)
        return tmp_path / name

    return make


def check(baseline: Path, *arguments: str | Path) -> int:
    return main(["check", str(baseline), *map(str, arguments)])


def test_statuses(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for fine, 1 for a regression, 2 for another preset, and for no records with a message that helps."""
    base = save("base", BASE)
    assert check(base, "--results", save("same", BASE)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "exact: 8 fine; curve: 4 fine"
    assert check(base, "--results", save("fewer", BASE[1:])) == 1
    assert capsys.readouterr().out.startswith("regression  structure  bunny/bunny x264 crf=40  The cell vanished")
    assert check(base, "--results", save("longer", curve("x264", where=clip(frames=132)))) == 2
    assert check(base, "--results", base / "none") == 2
    assert "bench: There are no records in" in capsys.readouterr().err


def test_options(save: Save) -> None:
    """Exactness can be asked for, and the tolerance of networks stated."""

    def elsewhere(one: Record) -> Record:
        assert one.stream
        stream = replace(one.stream, sha256="00" * 32, size_bytes=round(one.stream.size_bytes * 1.2))
        return replace(one, environment=LAPTOP, stream=stream, frames_sha256="00" * 32)

    base, new = save("base", BASE[4:7]), save("new", [elsewhere(one) for one in BASE[4:7]])
    assert check(base, "--results", new) == 0
    assert check(base, "--results", new, "--tolerance-bytes", "15%") == 1
    assert check(base, "--results", new, "--tolerance-bytes", "25", "--tolerance-db", "0.1") == 0
    assert check(base, "--results", new, "--exact") == 2


@pytest.mark.parametrize(
    "option", [("--tolerance-bytes", "much"), ("--tolerance-db", "-1"), ("--update", "--self-test")]
)
def test_senseless_options(option: tuple[str, ...], save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        check(save("base", BASE), *option)
    assert "error: argument" in capsys.readouterr().err


def test_files_for_services(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JUnit, the page of GitHub and its annotation, and a word on a file that is passed over."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    base, new = save("base", BASE), save("new", BASE[:-1])
    (new / "records" / "bad.json").write_text("{")
    assert check(base, "--results", new, "--junit", tmp_path / "check.xml") == 1
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1].startswith("::error title=bench check ")
    assert "bad.json" in printed
    assert "| regression | structure |" in (tmp_path / "page.md").read_text()
    (suite,) = JUnitXml.fromfile(str(tmp_path / "check.xml"))
    assert (suite.tests, suite.failures) == (8 + 2 + 1, 1)


def test_update_accepts_a_change(save: Save, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed before is fine after it."""
    base, new = save("base", BASE), save("new", BASE[1:])
    assert check(base, "--results", new) == 1
    assert check(base, "--results", new, "--update") == 0
    assert "7 records written" in capsys.readouterr().out
    assert check(base, "--results", new) == 0


def test_self_test(save: Save, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each fault; status 1 where one is missed."""
    base = save("base", BASE)
    assert check(base, "--self-test") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("quiet ")
    assert all(line.startswith("caught ") for line in lines[1:])
    monkeypatch.setattr("bench.check.gate.curve_findings", lambda *_: [])
    assert check(base, "--self-test") == 1
    assert "MISSED" in capsys.readouterr().out
