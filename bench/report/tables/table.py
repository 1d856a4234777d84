"""What a table is, and those that say which cells there are and what became of them.

Tables are pure functions of a section's records. They compute nothing that a record should hold:
columns are looked up, divided by a size, or, in the one case of BD-rates, taken over a curve. Field
names carry units; `FIELDS` says how a field is headed and printed.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, get_args

import pandas as pd

from ...analysis.comparable import ComparableSet, RecordedCell
from ...measure.regions import DEFINITION
from ...records.record import Status

NOTHING = "–"
Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """How a column is printed. ``heading`` has the unit; ``form`` is the format of its numbers, and is empty
    where the column holds text."""

    heading: str
    form: str = ""


FIELDS: dict[str, Column] = {
    "codec": Column("Codec"),
    "anchor": Column("Anchor"),
    "sequence": Column("Sequence"),
    "metric": Column("Metric"),
    "rate_point": Column("Rate point"),
    "seed": Column("Seed", "d"),
    "bits_per_pixel": Column("Bits per pixel", ".4f"),
    "psnr_rgb": Column("PSNR (dB)", ".2f"),
    "ms_ssim_rgb": Column("MS-SSIM", ".4f"),
    "ms_ssim_rgb_db": Column("MS-SSIM (dB)", ".2f"),
    "transient_share": Column("Transient share", ".3f"),
    "psnr_rgb_persistent": Column("PSNR, persistent (dB)", ".2f"),
    "psnr_rgb_transient": Column("PSNR, transient (dB)", ".2f"),
    "parameters_millions": Column("Parameters (M)", ".3f"),
    "bits_per_parameter": Column("Bits per parameter", ".2f"),
    "size_bytes": Column("Size (bytes)", ",d"),
    "bitrate_mbps": Column("Bitrate (Mbps)", ".4f"),
    "gmacs_per_frame": Column("GMACs per frame", ".3f"),
    "kmacs_per_pixel": Column("kMACs per pixel", ".2f"),
    "encode_seconds": Column("Encode (s)", ".2f"),
    "encode_seconds_per_frame": Column("Encode (s per frame)", ".3f"),
    "encode_cpu_seconds": Column("Encode CPU (s)", ",.1f"),
    "encode_gpu_seconds": Column("Encode GPU (s)", ",.1f"),
    "encode_peak_mib": Column("Encode peak (MiB)", ",.0f"),
    "decode_seconds": Column("Decode, warm (s)", ".3f"),
    "decode_cold_seconds": Column("Decode, cold (s)", ".3f"),
    "decode_one_core_seconds": Column("Decode, one core (s)", ".3f"),
    "decode_cpu_seconds": Column("Decode CPU (s)", ".2f"),
    "decode_fps": Column("Decode (frames/s)", ".1f"),
    "decode_peak_mib": Column("Decode peak (MiB)", ",.0f"),
    "ours": Column("Ours", ".2f"),
    "overlap": Column("Overlap", ".2f"),
    "spread_points": Column("Spread", ".1f"),
    "interval": Column("95 % interval"),
    "printed": Column("Printed", ".2f"),
    "difference": Column("Difference", "+.2f"),
    "verdict": Column("Verdict"),
    "quantity": Column("Quantity"),
    "status": Column("Status"),
    "reason": Column("Reason"),
    "record": Column("Record"),
    "cells": Column("Cells", "d"),
    "ok": Column("ok", "d"),
    "failed": Column("failed", "d"),
    "skipped": Column("skipped", "d"),
    "timed_out": Column("timed out", "d"),
    "expected": Column("Grid", "d"),
    "measured": Column("With a result", "d"),
    "absent": Column("Without"),
    "size": Column("Size"),
    "preset": Column("Preset"),
    "side": Column("Only in"),
    "points": Column("Points", "d"),
    "streams": Column("Streams"),
    "decoded": Column("Frames"),
    "size_change": Column("Bytes", "+.2%"),
    "psnr_rgb_change": Column("PSNR (dB)", "+.3f"),
    "ms_ssim_rgb_db_change": Column("MS-SSIM (dB)", "+.3f"),
    "encode_change": Column("Encode time", "+.1%"),
    "decode_change": Column("Decode time", "+.1%"),
    "bd_psnr_rgb": Column("PSNR (%)", "+.2f"),
    "bd_ms_ssim_rgb_db": Column("MS-SSIM (%)", "+.2f"),
    "note": Column("Note"),
    "cpu": Column("CPU"),
    "cores": Column("Cores", "d"),
    "gpu": Column("GPU"),
    "memory_gib": Column("Memory (GiB)", ".0f"),
    "system": Column("System"),
    "load": Column("Load"),
    "records": Column("Records", "d"),
}
"""The columns that tables have in common, by the names that they have in files."""


@dataclass(frozen=True)
class Table:
    """Raw values in ``data`` (None where there is none) with what is printed around them."""

    caption: str
    data: pd.DataFrame
    notes: tuple[str, ...] = ()
    name: str = ""
    """Of its files, without a suffix. The data of several sections' tables of one name share a file."""
    text: bool = False
    """Whether ``data`` is text for reading only, and other programs get another form of it."""
    hidden: frozenset[str] = frozenset()
    """Columns that are only in the files."""
    summary: Table | None = None
    """What stands for this table where it is too long to print."""
    columns: Mapping[str, Column] = field(default_factory=dict)
    """The columns that are not in `FIELDS`, since their names come out of the records."""

    @cached_property
    def _printed_columns(self) -> dict[str, Column]:
        """The columns that are printed, by name."""
        return {name: self.columns.get(name) or FIELDS[name] for name in self.data.columns if name not in self.hidden}

    def headings(self) -> list[str]:
        """The printed columns' headings, with units."""
        return [column.heading for column in self._printed_columns.values()]

    def numeric(self) -> list[bool]:
        """For each printed column whether it holds numbers."""
        return [bool(column.form) for column in self._printed_columns.values()]

    def rows(self) -> list[list[str]]:
        """The values as printed."""
        columns = [
            [_printed(value, column.form) for value in self.data[name]]
            for name, column in self._printed_columns.items()
        ]
        return [list(row) for row in zip(*columns, strict=True)]


def _printed(value: Any, form: str) -> str:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    return format(value, form)


def as_data(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as a data table, which leaves every value as it is and has None for what a row lacks."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)


def group_table(
    title: str,
    group: ComparableSet,
    rows: Sequence[Row],
    name: str,
    *,
    notes: tuple[str, ...] = (),
    hidden: Collection[str] = (),
    text: bool = False,
    summary: Table | None = None,
    columns: Mapping[str, Column] | None = None,
) -> Table:
    """A table of a section. Where the section is stands in hidden columns, for the files; the
    sequence and the seed are printed only where they differ."""
    found = place(group)
    data = as_data([found | row for row in rows])
    same = [column for column in ("sequence", "seed") if column in data and data[column].nunique() == 1]
    return Table(
        caption(title, group), data, notes, name, text, frozenset([*found, *same, *hidden]), summary, columns or {}
    )


def caption(title: str, group: ComparableSet) -> str:
    return f"{title}: {group.dataset}, {group.stamp}"


def place(group: ComparableSet) -> Row:
    """The section of a row, so that a file that holds several can be taken apart."""
    return {
        "dataset": group.dataset,
        "preset": group.preset.name,
        "preset_digest": group.preset.digest,
        "full_scale": group.full_scale,
        "width": group.width,
        "height": group.height,
        "frames": group.frames,
    }


def point(cell: RecordedCell) -> Row:
    """What every row about a cell begins with."""
    return {
        "codec": cell.label,
        "sequence": cell.sequence,
        "rate_point": cell.rate_point,
        "seed": cell.record.seed,
    }


# --- What became of the cells ---------------------------------------------------------------


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
    """Every cell without a result, and why; None where all is well."""
    found = [cell for cell in group.cells if cell.record.status != "ok"]
    if not found:
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
        for cell in found
    ]
    title = "Failed, skipped or timed out"
    counts = Counter((cell.label, _words(cell.record.status), cell.record.reason) for cell in found)
    by_reason = [
        {"codec": label, "status": status, "reason": reason, "cells": count}
        for (label, status, reason), count in counts.items()
    ]
    summary = group_table(f"{title}, by reason", group, by_reason, "")
    return group_table(title, group, rows, "problems", summary=summary)


def coverage_table(group: ComparableSet) -> Table:
    """What is absent from the grid of each codec's rate points and seeds on every sequence."""
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
            found = {key: status.get((label, sequence, *key), "absent") for key in grid}
            gaps: dict[str, list[str]] = defaultdict(list)
            for (rate_point, seed), what in found.items():
                if what != "ok":
                    name = f"{rate_point} seed {seed}" if seeds > 1 else rate_point
                    gaps[_words(what)].append(name.strip() or "its one rate point")
            absent = "; ".join(f"{what}: {_listed(names)}" for what, names in gaps.items())
            counts = {"expected": len(grid), "measured": sum(what == "ok" for what in found.values())}
            rows.append({"codec": label, "sequence": sequence} | counts | {"absent": absent})
    title = "Coverage of the grid"
    short = [row for row in rows if row["absent"]]
    summary = group_table(f"{title}, where something is absent", group, short, "") if short else None
    return group_table(title, group, rows, "coverage", notes=COVERAGE_NOTES, summary=summary)


COVERAGE_NOTES = (
    "Grid: each rate point that a codec has anywhere in this section, times each of its seeds, expected on every "
    "sequence. Absent: there is no record. What no record mentions at all cannot be missed here.",
)


def _crossed(found: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
    """Every rate point with every seed."""
    rate_points, seeds = (dict.fromkeys(part) for part in zip(*found, strict=True))
    return [(rate_point, seed) for rate_point in rate_points for seed in seeds]


def _listed(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _words(status: str) -> str:
    return status.replace("_", " ")


# --- Rate and quality -----------------------------------------------------------------------


def rd_table(group: ComparableSet) -> Table:
    """One line a cell: its rate and its quality."""
    metrics = ("psnr_rgb", "ms_ssim_rgb", "ms_ssim_rgb_db")
    rows = [
        point(cell)
        | {"bits_per_pixel": cell.bits_per_pixel}
        | {metric: cell.quality(metric) for metric in metrics}
        | {"record": cell.record.key[:10]}
        for cell in group.measured
    ]
    return group_table("Rate and quality", group, rows, "rates", notes=_unavailable(group))


def region_tables(group: ComparableSet) -> list[Table]:
    """One line a cell: its quality where the source changes and where it does not; no table if no record
    has that."""
    metrics = ("psnr_rgb", "psnr_rgb_persistent", "psnr_rgb_transient", "transient_share")
    rows = [
        point(cell) | {"bits_per_pixel": cell.bits_per_pixel} | {metric: cell.quality(metric) for metric in metrics}
        for cell in group.measured
        if cell.quality("transient_share") is not None
    ]
    return [group_table("Quality by region", group, rows, "regions", notes=(DEFINITION,))] if rows else []


def _unavailable(group: ComparableSet) -> tuple[str, ...]:
    """Why metrics are missing, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in group.measured:
        if cell.record.quality:
            for item in cell.record.quality.unavailable.items():
                reasons[item].append(cell.label)
    return tuple(
        f"{metric} is missing for {', '.join(dict.fromkeys(labels))}: {reason}"
        for (metric, reason), labels in reasons.items()
    )
