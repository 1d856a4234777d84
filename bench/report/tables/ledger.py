"""What the bits of streams are spent on."""

from __future__ import annotations

from ...analysis.comparable import ComparableSet
from .table import SHARE_PREFIX, Table, group_table, point


def ledger_table(group: ComparableSet) -> Table:
    """The bytes of each stream by purpose."""
    rows = [
        point(cell) | {"size_bytes": stream.size_bytes} | stream.ledger
        for cell in group.measured
        if (stream := cell.record.stream)
    ]
    return group_table("Bytes by purpose", group, rows, "ledger")


def share_table(group: ComparableSet) -> Table:
    """The same as parts of the whole, and the bits that a parameter of a network takes."""
    rows = []
    for cell in group.measured:
        stream, cost = cell.record.stream, cell.record.complexity
        if stream:
            shares = {f"{SHARE_PREFIX}{purpose}": size / stream.size_bytes for purpose, size in stream.ledger.items()}
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
    return group_table("Shares of the stream", group, rows, "shares", notes=(note,))
