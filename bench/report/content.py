"""What a report says, before it is Markdown, LaTeX or HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..analysis.comparable import ComparableSet, comparable_sets
from ..analysis.pairs import ANCHORS, Pairs, pairs
from ..analysis.paper import load_paper
from ..records.record import Record
from ..registry import unknown
from .figures.gallery import all_pictures
from .figures.picture import Picture, RateAxis, Styles, codec_styles
from .tables import table as tables
from .tables.bd_rate import bd_matrices, bd_table
from .tables.cost import decoding_tables, encoding_tables
from .tables.equal_time import equal_time_tables
from .tables.ledger import ledger_table, share_table
from .tables.paper import paper_bd_table, paper_decoding_tables
from .tables.provenance import machine_table, provenance
from .tables.table import Table


@dataclass(frozen=True)
class Section:
    """A section with its tables and pictures. ``problems`` is None where every cell has a result,
    ``bd_rates`` where there is nothing to compare."""

    group: ComparableSet
    pairs: Pairs
    problems: Table | None
    pictures: list[Picture]
    absent: list[str]
    """Why pictures are missing, in sentences."""
    source_note: str | None
    bd_rates: Table | None
    rates: list[Table]
    """Beside the paper's Table 1, and one line a cell: rate and quality."""
    results: list[Table]
    """Those of ``rates``, all pairs of codecs, decoding, encoding, bytes by purpose; empty where no cell
    has a result."""
    status: Table

    def tables(self) -> Iterator[Table]:
        """All of them, in the order of reading."""
        yield from [self.problems] if self.problems else []
        yield from [self.bd_rates] if self.bd_rates else []
        yield from [*self.results, self.status]


@dataclass(frozen=True)
class Content:
    """The whole report."""

    records: Sequence[Record]
    sections: list[Section]
    machines: Table
    provenance: dict[str, list[str]]
    rate_axis: RateAxis = "log"

    @property
    def summary(self) -> str:
        """The number of cells, with and without a result."""
        done = sum(record.status == "ok" for record in self.records)
        missing = len(self.records) - done
        return f"{len(self.records)} cells: {done} with a result, {missing} without"

    @property
    def pictures(self) -> list[Picture]:
        """Of all parts."""
        return [picture for section in self.sections for picture in section.pictures]

    @property
    def problems(self) -> list[Table]:
        """The cells without a result, a table for each section that has some."""
        return [section.problems for section in self.sections if section.problems]


def content(
    records: Sequence[Record],
    root: Path | None = None,
    *,
    against: Sequence[str] = ANCHORS,
    rate_axis: RateAxis = "log",
) -> Content:
    """Everything that is to be said about ``records``, with BD-rates against the codecs or labels
    ``against``; ``rate_axis`` is that of the curves. ``root`` is the results directory, where frames were kept.
    Raises `UsageError` for an anchor that is in none of the records, unless it is a usual one."""
    found = comparable_sets(records)
    known = sorted({name for group in found for name in [*group.codecs, *group.codecs.values()]})
    for name in against:
        if name not in known and name not in ANCHORS:
            raise unknown("anchor", name, known)
    styles = codec_styles(record.codec.name for record in records)
    sections = [_section(group, styles, against, root, rate_axis) for group in found]
    records = [cell.record for section in sections for cell in section.group.cells]  # in the order of the tables
    return Content(
        records=records,
        sections=sections,
        machines=machine_table(records),
        provenance=provenance(records),
        rate_axis=rate_axis,
    )


def _section(
    group: ComparableSet, styles: Styles, against: Sequence[str], root: Path | None, rate_axis: RateAxis
) -> Section:
    compared = pairs(group)
    gallery = all_pictures(group, compared, styles, root, rate_axis)
    rates = _rates(group, compared)
    return Section(
        group=group,
        pairs=compared,
        problems=tables.problem_table(group),
        pictures=gallery.pictures,
        absent=gallery.absent,
        source_note=_source_note(group),
        bd_rates=bd_table(group, compared, against),
        rates=rates,
        results=[*rates, *_results(group, compared)],
        status=tables.status_table(group),
    )


def _rates(group: ComparableSet, compared: Pairs) -> list[Table]:
    if not group.measured:
        return []
    printed = paper_bd_table(group, compared, load_paper())
    return [*([printed] if printed else []), tables.rd_table(group)]


def _results(group: ComparableSet, compared: Pairs) -> list[Table]:
    coverage = tables.coverage_table(group)
    if not group.measured:
        return [coverage]
    return [
        *tables.region_tables(group),
        *bd_matrices(group, compared),
        *decoding_tables(group),
        *paper_decoding_tables(group, load_paper()),
        *encoding_tables(group),
        *equal_time_tables(group),
        ledger_table(group),
        share_table(group),
        coverage,
    ]


def _source_note(group: ComparableSet) -> str | None:
    """Where sending the source would win, if the ground truth is itself a decoded stream."""
    rates = group.source_rates()
    if not rates:
        return None
    named = ", ".join(f"{sequence}: {rate:.4f}" for sequence, rate in rates.items())
    return (
        f"The ground truth is itself a decoded lossy stream, of this many bits per pixel at this size: {named}. Above "
        "that rate, sending the source's own bitstream would win over every codec here: it costs less and is exact."
    )
