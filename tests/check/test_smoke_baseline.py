"""This project's own gate: a run of the preset ``smoke`` against the baseline in the repository.

A change that is meant is accepted with the commands of `results/baseline/README.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.identity import cell_identity
from bench.check.faults import self_test
from bench.check.finding import Finding
from bench.check.gate import REGRESSION, check, exit_status
from bench.check.reading import read_records
from bench.check.table import table
from bench.cli import main
from bench.records.record import Record
from bench.records.store import Store

BASELINE = Path(__file__).resolve().parents[2] / "results" / "baseline"

pytestmark = pytest.mark.skipif(not BASELINE.exists(), reason="the repository is not here")


@pytest.fixture(scope="module")
def baseline() -> tuple[Record, ...]:
    """All of it can be compared: none is of an older schema."""
    found = read_records(BASELINE)
    assert found.passed_over == ()
    return found.records


def against(baseline: Iterable[Record], results: Iterable[Record]) -> list[Finding]:
    """The findings on the part of the baseline that the results cover."""
    run = list(results)
    points = {cell_identity(one)[:-1] for one in run}
    covered = [one for one in baseline if cell_identity(one)[:-1] in points]
    assert covered
    return check(covered, run)


def test_the_baseline_is_one_that_can_fail(baseline: tuple[Record, ...]) -> None:
    """All codecs of the preset, networks with three seeds, and every planted fault is caught."""
    networks = [one for one in baseline if one.codec.family == "implicit"]
    assert len(baseline) == 4 * 4 + 4 * 2 * 3
    assert {one.seed for one in networks} == {0, 1, 2}
    assert [trial for trial in self_test(baseline) if not trial.caught] == []


@pytest.mark.process
@pytest.mark.train
def test_the_common_run_is_as_the_baseline(baseline: tuple[Record, ...], smoke_results: Path) -> None:
    """Four rate points of x264 and one of a NeRV: exactly on a machine like the baseline's with as many threads, else
    within the tolerance."""
    records = list(Store(smoke_results).records())
    findings = against(baseline, records)
    assert exit_status(findings) == 0, table(findings)
    assert sum(one.kind in ("exact", "numeric") and one.verdict == "fine" for one in findings) == 5
    worse = [replace(one, status="failed", reason="planted") if one.codec.name == "nerv" else one for one in records]
    assert exit_status(against(baseline, worse)) == REGRESSION


@pytest.mark.process
def test_portable_codecs_give_the_bytes_of_the_baseline(
    baseline: tuple[Record, ...], in_process: None, tmp_path: Path
) -> None:
    """On any processor, with the same encoders; others are held to the tolerance."""
    chosen = "x265[crf=46],svt-av1[crf=60],vvenc[qp=47]"
    assert main(["run", "--preset", "smoke", "--codecs", chosen, "--results", str(tmp_path)]) == 0
    records = list(Store(tmp_path).records())
    findings = against(baseline, records)
    assert exit_status(findings) == 0, table(findings)
    tools = [one.codec.tools for one in baseline]
    if all(one.codec.tools in tools for one in records):
        assert [(one.kind, one.verdict) for one in findings] == [("exact", "fine")] * 3
