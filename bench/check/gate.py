"""The gate: all that there is to say of results beside a baseline, and the exit status that follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..analysis.conditions import Conditions, conditions
from ..records.record import Record
from .cells import cell_findings
from .curves import curve_findings
from .finding import Finding
from .points import MatchedPoint, matched_points
from .tolerance import TRAINED, Tolerance

FINE, REGRESSION, INCOMPARABLE = 0, 1, 2
"""Exit statuses."""


def check(
    baseline: Sequence[Record], results: Sequence[Record], trained: Tolerance = TRAINED, exact: bool = False
) -> list[Finding]:
    """The findings on every cell and curve of the baseline, and on the cells that appeared beside them.

    ``trained`` is the tolerance of networks of which the baseline has one seed. With ``exact``, a cell that need not
    agree to the last bit cannot be compared.
    """
    points, findings = _apart_from_strangers(matched_points(baseline, results), results)
    return [*findings, *cell_findings(points, trained, exact), *curve_findings(points, trained)]


def exit_status(findings: Iterable[Finding]) -> int:
    """A regression counts, though another cell may not be comparable: it is known for sure."""
    verdicts = {finding.verdict for finding in findings}
    return REGRESSION if "regression" in verdicts else INCOMPARABLE if "incomparable" in verdicts else FINE


def _apart_from_strangers(
    points: Sequence[MatchedPoint], results: Iterable[Record]
) -> tuple[list[MatchedPoint], list[Finding]]:
    """The points of presets that the results were run with, and a finding for each preset and conditions of the
    baseline of which the results know nothing: its cells did not vanish, something else was run."""
    presets: dict[tuple[str, Conditions], list[MatchedPoint]] = defaultdict(list)
    for point in points:
        presets[point.example.preset.name, conditions(point.example)].append(point)
    run = dict.fromkeys((record.preset.name, conditions(record)) for record in results)
    known: list[MatchedPoint] = []
    findings = []
    for key, members in presets.items():
        if key in run or any(point.new for point in members):
            known += members
        else:
            there = "; ".join(sorted({_in_words(*other) for other in run}))
            message = f"The results hold nothing of this; they hold {there}. Run the preset of the baseline."
            findings.append(Finding(_in_words(*key), "structure", "incomparable", message))
    return known, findings


def _in_words(preset: str, where: Conditions) -> str:
    return f"preset {preset}, {where.extent} of {where.dataset}"
