"""What a table is.

Tables are pure functions of a comparable set. They compute nothing that a record should hold: values are
looked up, divided by a size or, for BD-rates alone, taken over a curve. The names of columns carry units;
a `Column` says how its values are headed and printed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from ...analysis.comparable import ComparableSet, RecordedCell

NOTHING = "–"
"""What is printed where there is no value."""

Row = dict[str, Any]
"""The values of a row, by the names of their columns."""


@dataclass(frozen=True)
class Column:
    """How a column is printed. ``heading`` has the unit; ``form`` is the format of its numbers, and is empty
    where the column holds text."""

    heading: str
    form: str = ""


FIELDS: dict[str, Column] = {
    "codec": Column("Codec"),
    "anchor": Column("Anchor"),
    "dataset": Column("Dataset"),
    "sequence": Column("Sequence"),
    "metric": Column("Metric"),
    "rate_point": Column("Rate point"),
    "seed": Column("Seed", "d"),
    "bits_per_pixel": Column("Bits per pixel", ".4f"),
    "psnr_rgb": Column("PSNR (dB)", ".2f"),
    "ms_ssim_rgb": Column("MS-SSIM", ".4f"),
    "ms_ssim_rgb_db": Column("MS-SSIM (dB)", ".2f"),
    "vmaf_v1": Column("VMAF v1", ".2f"),
    "vmaf_v0": Column("VMAF v0.6.1", ".2f"),
    "vmaf_v0_neg": Column("VMAF v0.6.1 NEG", ".2f"),
    "xpsnr_y": Column("XPSNR Y (dB)", ".2f"),
    "xpsnr_u": Column("XPSNR U (dB)", ".2f"),
    "xpsnr_v": Column("XPSNR V (dB)", ".2f"),
    "ssim_y": Column("SSIM Y", ".4f"),
    "ssim_yuv": Column("SSIM", ".4f"),
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
    "encode_one_core_seconds": Column("Encode, one core (s)", ".2f"),
    "encode_seconds_per_frame": Column("Encode (s per frame)", ".3f"),
    "encode_threads": Column("Encode threads", "d"),
    "encode_cpu_seconds": Column("Encode CPU (s)", ",.1f"),
    "encode_gpu_seconds": Column("Encode GPU (s)", ",.1f"),
    "encode_cpu_joules_per_frame": Column("Encode CPU (J per frame)", ",.3g"),
    "encode_gpu_joules_per_frame": Column("Encode GPU (J per frame)", ",.3g"),
    "encode_peak_mib": Column("Encode peak (MiB)", ",.0f"),
    "decode_seconds": Column("Decode, warm (s)", ".3f"),
    "decode_cold_seconds": Column("Decode, cold (s)", ".3f"),
    "decode_one_core_seconds": Column("Decode, one core (s)", ".3f"),
    "decode_cpu_seconds": Column("Decode CPU (s)", ".2f"),
    "decode_cpu_joules_per_frame": Column("Decode CPU (J per frame)", ",.3g"),
    "decode_gpu_joules_per_frame": Column("Decode GPU (J per frame)", ",.3g"),
    "decode_fps": Column("Decode (frames/s)", ".1f"),
    "decode_peak_mib": Column("Decode peak (MiB)", ",.0f"),
    "encode_cores": Column("Encode cores", "d"),
    "encode_beside": Column("Encoders beside", "d"),
    "encode_other_load": Column("Other load while encoding", ".2f"),
    "decode_cores": Column("Decode cores", "d"),
    "decode_other_load": Column("Other load while decoding", ".2f"),
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
    """The raw values, with what is printed around them. ``data`` has None where there is no value."""

    caption: str
    data: pd.DataFrame
    notes: tuple[str, ...] = ()
    name: str = ""
    """The name of its files, without the suffix. Tables of one name, from several comparable sets, share a file."""
    text: bool = False
    """Whether ``data`` is text for reading only. Other programs then get the values in another table."""
    hidden: frozenset[str] = frozenset()
    """The names of the columns that are in the files only."""
    summary: Table | None = None
    """A shorter table, which is printed in place of this one where this one is too long."""
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
    """A value as it is printed."""
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
    """A table about a comparable set. Hidden columns say which set it is, for the files; the sequence and the seed
    are printed only where they differ between rows."""
    where = place(group)
    data = as_data([where | row for row in rows])
    same = [column for column in ("sequence", "seed") if column in data and data[column].nunique() == 1]
    return Table(
        caption(title, group),
        data,
        (*notes, *group.source_notes),
        name,
        text,
        hidden=frozenset([*where, *same, *hidden]),
        summary=summary,
        columns=columns or {},
    )


def caption(title: str, group: ComparableSet) -> str:
    """The caption of a table about a comparable set, with the set's stamp."""
    return f"{title}: {group.dataset}, {group.stamp}"


def place(group: ComparableSet) -> Row:
    """The columns that say which comparable set a row belongs to, since a file holds the rows of several. Where
    several presets share the set, `point` says which one a cell is of."""
    crop = group.conditions.crop
    return {
        "dataset": group.dataset,
        "preset": ", ".join(group.presets),
        "preset_digest": ", ".join(group.preset_digests),
        "full_scale": group.full_scale,
        "width": group.width,
        "height": group.height,
        "frames": group.frames,
        "frame_rate": float(group.conditions.frame_rate),
        "crop": f"{crop[0]}x{crop[1]}" if crop else None,
        "matrix": group.conditions.matrix,
    }


def point(cell: RecordedCell) -> Row:
    """The columns that every row about a cell has. Its preset takes the place of the comparable set's presets."""
    return {
        "preset": cell.record.preset.name,
        "preset_digest": cell.record.preset.digest,
        "codec": cell.label,
        "sequence": cell.sequence,
        "rate_point": cell.rate_point,
        "seed": cell.record.seed,
    }


def listed(names: Sequence[str], most: int = 6) -> str:
    """The first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
