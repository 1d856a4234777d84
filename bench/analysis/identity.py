"""Which records are of the same cell, though they may come from two machines or from two versions of a codec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from ..records.record import Record
from .conditions import conditions


class CellIdentity(NamedTuple):
    """What a cell is, whatever it came to: a codec at one rate point, a sequence under `Conditions`, and a seed.
    Neither versions nor machines are part of it, nor the label, which only says what was set by hand."""

    codec: str
    parameters: bytes
    sequence: str
    conditions: tuple[Any, ...]
    seed: int


def cell_identity(record: Record) -> CellIdentity:
    """The identity of a record's cell."""
    return CellIdentity(
        record.codec.name,
        msgspec.json.encode(record.codec.parameters, order="deterministic"),
        record.clip.source.sequence,
        conditions(record).order,
        record.seed,
    )


def newest(records: Iterable[Record]) -> dict[CellIdentity, Record]:
    """One record for each cell, sorted by identity: the one of the highest schema and version of the codec and, of
    several, the one started last."""
    chosen: dict[CellIdentity, Record] = {}
    for record in sorted(records, key=lambda record: (record.schema, record.codec.version, record.started)):
        chosen[cell_identity(record)] = record
    return dict(sorted(chosen.items()))
