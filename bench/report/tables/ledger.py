"""What the bits of streams are spent on."""

from __future__ import annotations

from ...analysis.comparable import ComparableSet
from .table import Column, Table, group_table, point
from .targets import missed_targets


def ledger_table(group: ComparableSet) -> Table:
    """The bytes of each stream by purpose."""
    rows = [
        point(cell) | {"size_bytes": stream.size_bytes} | stream.ledger
        for cell in group.measured
        if (stream := cell.record.stream)
    ]
    columns = {purpose: Column(purpose.replace("_", " "), ",d") for purpose in _purposes(group)}
    return group_table("Bytes by purpose", group, rows, "ledger", notes=missed_targets(group), columns=columns)


def share_table(group: ComparableSet) -> Table:
    """The share of each purpose in each stream, and the bits that a parameter of a network takes."""
    rows = []
    for cell in group.measured:
        stream, cost = cell.record.stream, cell.record.complexity
        if stream:
            shares = {_share(purpose): size / stream.size_bytes for purpose, size in stream.ledger.items()}
            rows.append(
                point(cell)
                | {
                    "bits_per_pixel": cell.bits_per_pixel,
                    "parameters_millions": cost.parameters / 1e6 if cost else None,
                    "bits_per_parameter": 8 * stream.size_bytes / cost.parameters if cost else None,
                }
                | shares
            )
    note = (
        "Bits per parameter: of the whole file, headers and scales too, over the network's parameters before pruning."
    )
    columns = {_share(purpose): Column(purpose.replace("_", " "), ".1%") for purpose in _purposes(group)}
    notes = (note, *missed_targets(group))
    return group_table("Shares of the stream", group, rows, "shares", notes=notes, columns=columns)


def _share(purpose: str) -> str:
    """The name of the column that holds the part of a stream, 0 to 1, that a purpose takes."""
    return f"share: {purpose}"


def _purposes(group: ComparableSet) -> dict[str, None]:
    """Every purpose that any stream has bytes for, in order of appearance."""
    streams = [cell.record.stream for cell in group.measured]
    return dict.fromkeys(purpose for stream in streams if stream for purpose in stream.ledger)
