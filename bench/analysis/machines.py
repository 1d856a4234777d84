"""Which timings may stand side by side: only those of one machine."""

from __future__ import annotations

from collections import defaultdict

from .comparable import ComparableSet, RecordedCell


def by_machine(group: ComparableSet) -> dict[str, list[RecordedCell]]:
    """The cells that have a result, by the name of the machine that measured them."""
    cells: dict[str, list[RecordedCell]] = defaultdict(list)
    for cell in group.measured:
        cells[cell.record.environment.machine].append(cell)
    return dict(cells)
