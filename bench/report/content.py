"""What a report says, before it is Markdown, LaTeX or HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..analysis.comparable import ComparableSet, chosen_metrics, comparable_sets
from ..analysis.pairs import ANCHORS, Pairs, pairs
from ..analysis.paper import load_paper
from ..records.record import Record
from ..records.store import SetAside
from ..registry import unknown
from .figures.gallery import all_pictures
from .figures.picture import Picture, RateAxis, Styles, codec_styles
from .tables.bd_rate import bd_matrices, bd_table
from .tables.cells import coverage_table, problem_table, status_table
from .tables.cost import decoding_tables, encoding_tables
from .tables.equal_time import equal_time_tables
from .tables.ledger import ledger_table, share_table
from .tables.paper import paper_bd_table, paper_decoding_tables
from .tables.provenance import machine_table, provenance
from .tables.quality import pooling_tables, rd_table, region_tables
from .tables.table import Table


@dataclass(frozen=True)
class Section:
    """A section of the report: a comparable set with its tables and pictures. ``problems`` is None where every
    cell has a result, ``bd_rates`` where there is nothing to compare."""

    group: ComparableSet
    pairs: Pairs
    problems: Table | None
    pictures: list[Picture]
    absent: list[str]
    """The reasons why pictures are missing, in sentences."""
    source_note: str | None
    bd_rates: Table | None
    rates: list[Table]
    """The table of rates and qualities; empty where no cell has a result."""
    results: list[Table]
    """The tables of ``rates``, then those of all pairs of codecs, decoding, encoding, bytes by purpose and so on.
    Where no cell has a result there is only the coverage of the grid."""
    status: Table

    def tables(self) -> Iterator[Table]:
        """All tables of the section, in the order of reading."""
        yield from [self.problems] if self.problems else []
        yield from [self.bd_rates] if self.bd_rates else []
        yield from [*self.results, self.status]


@dataclass(frozen=True)
class Content:
    """The whole report."""

    records: Sequence[Record]
    sections: list[Section]
    paper: Table | None
    """The table beside the paper's Table 1, which is about several comparable sets; None where there is nothing of
    the kind."""
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
    def beside_paper(self) -> bool:
        """Whether any figure of ours stands beside one of the paper's. If not, that table is not worth the first
        place."""
        return self.paper is not None and bool(self.paper.data["ours"].notna().any())

    @property
    def tables(self) -> list[Table]:
        """The tables that are about several sections or about none."""
        return [*([self.paper] if self.paper else []), self.machines]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures of all sections."""
        return [picture for section in self.sections for picture in section.pictures]

    @property
    def problems(self) -> list[Table]:
        """The cells without a result, one table for each section that has such cells."""
        return [section.problems for section in self.sections if section.problems]


def content(
    records: Sequence[Record],
    root: Path | None = None,
    *,
    against: Sequence[str] = ANCHORS,
    rate_axis: RateAxis = "log",
    metrics: Sequence[str] = (),
    set_aside: Sequence[SetAside] = (),
) -> Content:
    """The report on ``records``. BD-rates are against the codecs or labels ``against``, and ``rate_axis`` is the
    axis of the curves. ``metrics`` have curves and BD-rates beside PSNR and MS-SSIM. ``root`` is the results directory,
    where frames were kept, and ``set_aside`` what in it counts as no record. Raises `UsageError` for a metric that none
    of the records has, and for such an anchor, unless it is a usual one."""
    groups = comparable_sets(records, chosen_metrics(records, metrics))
    known = sorted({name for group in groups for name in [*group.codecs, *group.codecs.values()]})
    for name in against:
        if name not in known and name not in ANCHORS:
            raise unknown("anchor", name, known)
    styles = codec_styles(record.codec.name for record in records)
    sections = [_section(group, styles, against, root, rate_axis) for group in groups]
    records = [cell.record for section in sections for cell in section.group.cells]  # in the order of the tables
    return Content(
        records=records,
        sections=sections,
        paper=paper_bd_table([(section.group, section.pairs) for section in sections], load_paper()),
        machines=machine_table(records),
        provenance=provenance(records, set_aside),
        rate_axis=rate_axis,
    )


def _section(
    group: ComparableSet, styles: Styles, against: Sequence[str], root: Path | None, rate_axis: RateAxis
) -> Section:
    compared = pairs(group)
    gallery = all_pictures(group, compared, styles, root, rate_axis)
    rates = [rd_table(group)] if group.measured else []
    return Section(
        group=group,
        pairs=compared,
        problems=problem_table(group),
        pictures=gallery.pictures,
        absent=gallery.absent,
        source_note=_source_note(group),
        bd_rates=bd_table(group, compared, against),
        rates=rates,
        results=[*rates, *_results(group, compared)],
        status=status_table(group),
    )


def _results(group: ComparableSet, compared: Pairs) -> list[Table]:
    coverage = coverage_table(group)
    if not group.measured:
        return [coverage]
    return [
        *region_tables(group),
        *pooling_tables(group),
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
    """The sentence that says above which rate sending the source would win; None unless the ground truth is itself
    a decoded stream."""
    rates = group.source_rates()
    if not rates:
        return None
    named = ", ".join(f"{sequence}: {rate:.4f}" for sequence, rate in rates.items())
    return (
        f"The ground truth is itself a decoded lossy stream, of this many bits per pixel at this size: {named}. Above "
        "that rate, sending the source's own bitstream would win over every codec here: it costs less and is exact."
    )
