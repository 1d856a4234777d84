"""The self-test, which itself must be able to fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from planted import LAPTOP, curve

from bench.check import cells, curves, faults
from bench.check.faults import FAULTS, self_test
from bench.check.finding import Finding
from bench.check.tolerance import Tolerance
from bench.records.record import Record

KNOWN = replace(LAPTOP, instruction_sets=["avx2"])
BASE = [replace(one, environment=KNOWN) for one in (*curve("x264"), *curve("nerv"))]


def outcomes(records: list[Record]) -> dict[str, bool | None]:
    return {trial.fault: trial.caught for trial in self_test(records)}


def test_every_fault_is_caught() -> None:
    """With the words of the gate, and nothing is caught where nothing was planted."""
    trials = self_test(BASE)
    assert [trial.caught for trial in trials] == [True] * (2 + len(FAULTS))
    assert "2.00 times as long" in trials[-1].message
    assert trials[0].message == "No regression."
    assert "Size 2,305 bytes against 2,304" in trials[1].message


def test_superseded_records_are_left_alone() -> None:
    """A fault in one of them would be of no matter."""
    older = [replace(one, codec=replace(one.codec, version=0)) for one in BASE]
    assert set(outcomes([*older, *BASE]).values()) == {True}


@pytest.mark.parametrize(
    ("records", "fault"),
    [
        ([replace(one, environment=LAPTOP) for one in BASE], "a stream with another byte in it"),
        (BASE[4:], "0.05 dB less PSNR in a standard codec"),
        (BASE[:4], "twice the bytes in a network"),
        (BASE[:3], "a shifted curve, each point of which is within the tolerance"),
    ],
)
def test_what_cannot_be_planted_is_said(records: list[Record], fault: str) -> None:
    """A baseline of one codec has no place for some faults; the others are still caught."""
    found = outcomes(records)
    assert found[fault] is None
    assert False not in found.values()


@pytest.mark.parametrize("kind", ["exact", "numeric", "structure", "curve"])
def test_a_blind_gate_is_found_out(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class of checks that finds everything fine misses its own faults and no others."""

    def blind(findings: Any) -> Any:
        def all_fine(*arguments: Any) -> Iterator[Finding]:
            for one in findings(*arguments):
                yield replace(one, verdict="fine") if one.kind == kind else one

        return all_fine

    monkeypatch.setattr("bench.check.gate.cell_findings", blind(cells.cell_findings))
    monkeypatch.setattr("bench.check.gate.curve_findings", blind(curves.curve_findings))
    found = outcomes(BASE)
    assert {fault.name for fault in FAULTS if fault.kind == kind} == {name for name, ok in found.items() if ok is False}


def test_a_wide_tolerance_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.05 dB would pass unseen."""
    monkeypatch.setattr("bench.check.numeric.STANDARD", Tolerance(1.0, 0.1))
    assert outcomes(BASE)["0.05 dB less PSNR in a standard codec"] is False


def test_a_nervous_gate_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that finds regressions where nothing changed."""
    alarm = Finding("a cell", "numeric", "regression", "Something.")
    monkeypatch.setattr(faults, "check", lambda *_: [alarm])
    assert self_test(BASE)[0].caught is False
