"""What a report says, before it is Markdown or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..record import Record
from . import tables
from .bd_table import bd_table
from .curves import Picture, Styles, codec_styles, pictures
from .sections import Section, sections
from .tables import Table
from .training import training_picture


@dataclass(frozen=True)
class Part:
    """A section with its tables and pictures. ``problems`` is None where every cell has a result,
    ``bd_rates`` where there is nothing to compare."""

    section: Section
    problems: Table | None
    pictures: list[Picture]
    source_note: str | None
    bd_rates: Table | None
    results: list[Table]
    """Rate and quality, complexity by machine, bytes by purpose; empty where no cell has a result."""
    status: Table


@dataclass(frozen=True)
class Content:
    """The whole report."""

    records: Sequence[Record]
    parts: list[Part]
    machines: Table
    provenance: dict[str, list[str]]

    @property
    def summary(self) -> str:
        """The number of cells, with and without a result."""
        done = sum(record.status == "ok" for record in self.records)
        missing = len(self.records) - done
        return f"{len(self.records)} cells: {done} with a result, {missing} without"

    @property
    def problems(self) -> list[Table]:
        """The cells without a result, a table for each section that has some."""
        return [part.problems for part in self.parts if part.problems]


def content(records: Sequence[Record]) -> Content:
    """Everything that is to be said about ``records``."""
    styles = codec_styles(record.codec.name for record in records)
    parts = [_part(section, styles) for section in sections(records)]
    records = [cell.record for part in parts for cell in part.section.cells]  # in the order of the tables
    return Content(
        records=records,
        parts=parts,
        machines=tables.machine_table(records),
        provenance=tables.provenance(records),
    )


def _part(section: Section, styles: Styles) -> Part:
    return Part(
        section=section,
        problems=tables.problem_table(section),
        pictures=[*pictures(section, styles), *training_picture(section, styles)],
        source_note=_source_note(section),
        bd_rates=bd_table(section),
        results=_results(section),
        status=tables.status_table(section),
    )


def _results(section: Section) -> list[Table]:
    if not section.measured:
        return []
    return [tables.rd_table(section), *tables.complexity_tables(section), tables.ledger_table(section)]


def _source_note(section: Section) -> str | None:
    """Where sending the source would win, if the ground truth is itself a decoded stream."""
    rates = section.source_rates()
    if not rates:
        return None
    named = ", ".join(f"{sequence}: {rate:.4f}" for sequence, rate in rates.items())
    return (
        f"The ground truth is itself a decoded lossy stream, of this many bits per pixel at this size: {named}. Above "
        "that rate, sending the source's own bitstream would win over every codec here: it costs less and is exact."
    )
