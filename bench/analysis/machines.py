"""Which timings may stand side by side: those of one machine."""

from __future__ import annotations

from collections import defaultdict

from ..records.environment import Environment
from .comparable import ComparableSet, RecordedCell


def machine(environment: Environment) -> str:
    """What decides timings, in words."""
    device = f" and {environment.gpu}" if environment.gpu else ""
    return f"{environment.cores} cores of {environment.cpu}{device}"


def by_machine(group: ComparableSet) -> dict[str, list[RecordedCell]]:
    """The cells with a result, machine by machine."""
    groups: dict[str, list[RecordedCell]] = defaultdict(list)
    for cell in group.measured:
        groups[machine(cell.record.environment)].append(cell)
    return dict(groups)
