"""Which timings may stand side by side: only those of one machine."""

from __future__ import annotations

from collections import defaultdict

from ..records.environment import Environment
from .comparable import ComparableSet, RecordedCell


def machine(environment: Environment) -> str:
    """The name of a machine: what decides its timings, in words."""
    device = f" and {environment.gpu}" if environment.gpu else ""
    return f"{environment.cores} cores of {environment.cpu}{device}"


def by_machine(group: ComparableSet) -> dict[str, list[RecordedCell]]:
    """The cells that have a result, by the name of the machine that measured them."""
    cells: dict[str, list[RecordedCell]] = defaultdict(list)
    for cell in group.measured:
        cells[machine(cell.record.environment)].append(cell)
    return dict(cells)
