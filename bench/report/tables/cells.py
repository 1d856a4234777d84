"""Which cells there are, what became of them, and which are absent."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import get_args

from ...analysis.comparable import ComparableSet
from ...records.record import Status
from .table import Table, group_table, listed


def status_table(group: ComparableSet) -> Table:
    """The number of cells by codec and status."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in group.cells:
        counts[cell.label][cell.record.status] += 1
    rows = [
        {"codec": label, "cells": counts[label].total()}
        | {status: counts[label][status] for status in get_args(Status)}
        for label in group.codecs
    ]
    return group_table("Cells by status", group, rows, "status")


def problem_table(group: ComparableSet) -> Table | None:
    """Every cell without a result, and why it has none; None where all cells have a result."""
    cells = [cell for cell in group.cells if cell.record.status != "ok"]
    if not cells:
        return None
    rows = [
        {
            "codec": cell.label,
            "rate_point": cell.rate_point,
            "status": _words(cell.record.status),
            "reason": cell.record.reason,
            "sequence": cell.sequence,
            "seed": cell.record.seed,
            "record": cell.record.key[:10],
        }
        for cell in cells
    ]
    title = "Failed, skipped or timed out"
    counts = Counter((cell.label, _words(cell.record.status), cell.record.reason) for cell in cells)
    by_reason = [
        {"codec": label, "status": status, "reason": reason, "cells": count}
        for (label, status, reason), count in counts.items()
    ]
    summary = group_table(f"{title}, by reason", group, by_reason, "")
    return group_table(title, group, rows, "problems", summary=summary)


def coverage_table(group: ComparableSet) -> Table:
    """What is absent from the grid: each rate point and seed of a codec is expected on every sequence."""
    points: dict[str, dict[tuple[str, int], None]] = defaultdict(dict)
    status: dict[tuple[str, str, str, int], str] = {}
    for cell in group.cells:
        points[cell.label][cell.rate_point, cell.record.seed] = None
        status[cell.label, cell.sequence, cell.rate_point, cell.record.seed] = cell.record.status
    rows = []
    for label in group.codecs:
        seeds = len({seed for _, seed in points[label]})
        grid = _crossed(points[label])
        for sequence in group.sequences:
            outcomes = {key: status.get((label, sequence, *key), "absent") for key in grid}
            gaps: dict[str, list[str]] = defaultdict(list)
            for (rate_point, seed), outcome in outcomes.items():
                if outcome != "ok":
                    name = f"{rate_point} seed {seed}" if seeds > 1 else rate_point
                    gaps[_words(outcome)].append(name.strip() or "its one rate point")
            absent = "; ".join(f"{outcome}: {listed(names)}" for outcome, names in gaps.items())
            counts = {"expected": len(grid), "measured": sum(outcome == "ok" for outcome in outcomes.values())}
            rows.append({"codec": label, "sequence": sequence} | counts | {"absent": absent})
    title = "Coverage of the grid"
    short = [row for row in rows if row["absent"]]
    summary = group_table(f"{title}, where something is absent", group, short, "") if short else None
    return group_table(title, group, rows, "coverage", notes=COVERAGE_NOTES, summary=summary)


COVERAGE_NOTES = (
    "Grid: each rate point that a codec has anywhere in this section, times each of its seeds, expected on every "
    "sequence. Absent: there is no record. What no record mentions at all cannot be missed here.",
)


def _crossed(points: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
    """Every rate point with every seed that occur in ``points``."""
    rate_points, seeds = (dict.fromkeys(values) for values in zip(*points, strict=True))
    return [(rate_point, seed) for rate_point in rate_points for seed in seeds]


def _words(status: str) -> str:
    return status.replace("_", " ")
