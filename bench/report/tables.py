"""The tables of a report, as pure functions of a section's records.

They compute nothing that a record should hold: columns are looked up, divided by a size, or, in
the one case of BD-rates, taken over a curve. Field names carry units; `FIELDS` says how a field
is headed and printed.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pandas as pd

from ..environment import Environment
from ..record import Cost, Record, Status
from ..store import to_json
from .sections import Cell, Section

NOTHING = "–"
Row = dict[str, Any]

BD_PREFIX = "bd_rate: "
"""Opens the names of columns of BD-rates; the rest is their heading."""

FIELDS = {
    "codec": ("Codec", ""),
    "sequence": ("Sequence", ""),
    "rate_point": ("Rate point", ""),
    "seed": ("Seed", "d"),
    "bits_per_pixel": ("Bits per pixel", ".4f"),
    "psnr_rgb": ("PSNR (dB)", ".2f"),
    "ms_ssim_rgb": ("MS-SSIM", ".4f"),
    "ms_ssim_rgb_db": ("MS-SSIM (dB)", ".2f"),
    "parameters_millions": ("Parameters (M)", ".3f"),
    "size_bytes": ("Size (bytes)", ",d"),
    "bitrate_mbps": ("Bitrate (Mbps)", ".4f"),
    "gmacs_per_frame": ("GMACs per frame", ".3f"),
    "kmacs_per_pixel": ("kMACs per pixel", ".2f"),
    "encode_seconds": ("Encode (s)", ".2f"),
    "decode_seconds": ("Decode (s)", ".3f"),
    "decode_parts": ("Decode by part (s)", ""),
    "decode_fps": ("Decode (frames/s)", ".1f"),
    "encode_peak_mib": ("Encode peak (MiB)", ",.0f"),
    "decode_peak_mib": ("Decode peak (MiB)", ",.0f"),
    "status": ("Status", ""),
    "reason": ("Reason", ""),
    "record": ("Record", ""),
    "cells": ("Cells", "d"),
    "ok": ("ok", "d"),
    "failed": ("failed", "d"),
    "skipped": ("skipped", "d"),
    "timed_out": ("timed out", "d"),
    "cpu": ("CPU", ""),
    "cores": ("Cores", "d"),
    "gpu": ("GPU", ""),
    "memory_gib": ("Memory (GiB)", ".0f"),
    "system": ("System", ""),
    "load": ("Load", ""),
    "records": ("Records", "d"),
}
"""Field to its heading and its format; numbers have a format. Others are bytes of a purpose."""


@dataclass(frozen=True)
class Table:
    """Raw values in ``data`` (None where there is none) with what is printed around them."""

    caption: str
    data: pd.DataFrame
    notes: tuple[str, ...] = ()

    def headings(self) -> list[str]:
        """The columns' headings, with units."""
        return [_field(column)[0] for column in self.data.columns]

    def numeric(self) -> list[bool]:
        """For each column whether it holds numbers."""
        return [bool(_field(column)[1]) for column in self.data.columns]

    def rows(self) -> list[list[str]]:
        """The values as printed."""
        formats = [_field(column)[1] for column in self.data.columns]
        return [
            [_printed(value, form) for value, form in zip(row, formats, strict=True)]
            for row in self.data.itertuples(index=False, name=None)
        ]


def _field(column: str) -> tuple[str, str]:
    if column in FIELDS:
        return FIELDS[column]
    if column.startswith(BD_PREFIX):
        return column.removeprefix(BD_PREFIX), ""
    return column.replace("_", " "), ",d"


def _printed(value: Any, form: str) -> str:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    return format(value, form)


def as_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as a frame that leaves every value as it is, with None for what a row lacks."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns, dtype=object)


def _shown(rows: Sequence[Row]) -> pd.DataFrame:
    """`_frame` without the sequence and the seed where they are the same in every row."""
    frame = as_frame(rows)
    same = [name for name in ("sequence", "seed") if name in frame and frame[name].nunique() == 1]
    return frame.drop(columns=same)


def caption(title: str, section: Section) -> str:
    return f"{title}: {section.dataset}, {section.stamp}"


def _point(cell: Cell) -> Row:
    """What every row about a cell begins with."""
    return {
        "codec": cell.label,
        "sequence": cell.sequence,
        "rate_point": cell.rate_point,
        "seed": cell.record.seed,
    }


# --- What became of the cells ---------------------------------------------------------------


def status_table(section: Section) -> Table:
    """The number of cells by codec and status."""
    rows = []
    for label in section.codecs:
        counts = Counter(cell.record.status for cell in section.cells if cell.label == label)
        rows.append({"codec": label, "cells": counts.total()} | {status: counts[status] for status in get_args(Status)})
    return Table(caption("Cells by status", section), as_frame(rows))


def problem_table(section: Section) -> Table | None:
    """Every cell without a result, and why; None where all is well."""
    rows = [
        {
            "codec": cell.label,
            "rate_point": cell.rate_point,
            "status": cell.record.status.replace("_", " "),
            "reason": cell.record.reason,
            "sequence": cell.sequence,
            "seed": cell.record.seed,
            "record": cell.record.key[:10],
        }
        for cell in section.cells
        if cell.record.status != "ok"
    ]
    return Table(caption("Failed, skipped or timed out", section), _shown(rows)) if rows else None


# --- Rate and quality -----------------------------------------------------------------------


def rd_table(section: Section) -> Table:
    """One line a cell: its rate and its quality."""
    metrics = ("psnr_rgb", "ms_ssim_rgb", "ms_ssim_rgb_db")
    rows = [
        _point(cell)
        | {"bits_per_pixel": cell.bits_per_pixel}
        | {metric: cell.quality(metric) for metric in metrics}
        | {"record": cell.record.key[:10]}
        for cell in section.measured
    ]
    return Table(caption("Rate and quality", section), _shown(rows), _unavailable(section))


def _unavailable(section: Section) -> tuple[str, ...]:
    """Why metrics are missing, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in section.measured:
        if cell.record.quality:
            for item in cell.record.quality.unavailable.items():
                reasons[item].append(cell.label)
    return tuple(
        f"{metric} is missing for {', '.join(dict.fromkeys(labels))}: {reason}"
        for (metric, reason), labels in reasons.items()
    )


def ledger_table(section: Section) -> Table:
    """The bytes of each stream by purpose."""
    rows = [
        _point(cell) | {"size_bytes": stream.size_bytes} | stream.ledger
        for cell in section.measured
        if (stream := cell.record.stream)
    ]
    return Table(caption("Bytes by purpose", section), _shown(rows))


# --- Complexity -----------------------------------------------------------------------------


def machine(environment: Environment) -> str:
    """What decides timings, in words."""
    device = f" and {environment.gpu}" if environment.gpu else ""
    return f"{environment.cores} cores of {environment.cpu}{device}"


def complexity_tables(section: Section) -> list[Table]:
    """What coding took, in one table for each machine: their timings do not compare."""
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in section.measured:
        groups[machine(cell.record.environment)].append(cell)
    return [
        Table(
            caption(f"Complexity on {name}", section),
            _shown([complexity_row(section, cell) for cell in cells]),
            (
                "One multiply-accumulate counts once (fvcore's convention). Seconds leave out starting Python and "
                "importing libraries.",
                *_uncounted(cells),
            ),
        )
        for name, cells in groups.items()
    ]


def complexity_row(section: Section, cell: Cell) -> Row:
    """A line in the shape of the paper's Table 2."""
    record = cell.record
    stream, cost, encode, decode = record.stream, record.complexity, record.encode, record.decode
    parts = decode.parts.items() if decode else ()
    return _point(cell) | {
        "parameters_millions": cost.parameters / 1e6 if cost else None,
        "size_bytes": stream.size_bytes if stream else None,
        "bitrate_mbps": stream.bitrate_mbps if stream else None,
        "gmacs_per_frame": cost.macs_per_frame / 1e9 if cost else None,
        "kmacs_per_pixel": cost.macs_per_frame / section.pixels_per_frame / 1e3 if cost else None,
        "encode_seconds": encode.seconds if encode else None,
        "decode_seconds": decode.seconds if decode else None,
        "decode_fps": section.frames / decode.seconds if decode and decode.seconds else None,
        "encode_peak_mib": _mebibytes(encode),
        "decode_peak_mib": _mebibytes(decode),
        "psnr_rgb": cell.quality("psnr_rgb"),
        "ms_ssim_rgb": cell.quality("ms_ssim_rgb"),
        "decode_parts": ", ".join(f"{name.replace('_', ' ')} {seconds:.3f}" for name, seconds in parts),
    }


def _mebibytes(cost: Cost | None) -> float | None:
    return cost.peak_memory_bytes / 2**20 if cost else None


def _uncounted(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The operators that the MACs leave out, by codec."""
    labels: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if cell.record.complexity and cell.record.complexity.unsupported_operators:
            found = cell.record.complexity.unsupported_operators.items()
            labels[", ".join(f"{name} ({count})" for name, count in found)].append(cell.label)
    return tuple(
        f"Not counted in the MACs of {', '.join(dict.fromkeys(names))}: {operators}."
        for operators, names in labels.items()
    )


# --- Provenance -----------------------------------------------------------------------------


def machine_table(records: Sequence[Record]) -> Table:
    """The machines, with the range of the load under which their cells began."""
    groups: dict[tuple[str, int, str | None], list[Environment]] = defaultdict(list)
    for record in records:
        env = record.environment
        groups[env.cpu, env.cores, env.gpu].append(env)
    rows = [
        {
            "cpu": cpu,
            "cores": cores,
            "gpu": gpu,
            "memory_gib": min(env.memory_bytes for env in members) / 2**30,
            "system": ", ".join(sorted({env.system for env in members})),
            "load": f"{min(env.load for env in members):.1f} to {max(env.load for env in members):.1f}",
            "records": len(members),
        }
        for (cpu, cores, gpu), members in groups.items()
    ]
    note = "Load: the one-minute average when a cell began. Above the number of cores, timings say little."
    return Table("Machines", as_frame(rows), (note,))


def provenance(records: Sequence[Record]) -> dict[str, list[str]]:
    """What the records came from, each fact once."""
    environments = [record.environment for record in records]
    packages = [item for env in environments for item in env.packages.items()]
    tools = [item for record in records for item in record.codec.tools.items()]
    sources = [record.clip.source for record in records]
    days = sorted(record.started for record in records)
    facts = {
        "Records": [f"{len(records)}, started from {days[0]} to {days[-1]}"],
        "Sources": [f"{s.dataset}/{s.sequence}: {s.origin} (sha256 {s.sha256[:16]}…). {s.licence}" for s in sources],
        "Commands": [line for record in records for line in _commands(record.notes)],
        "Encoders": [f"{name} {version}" for name, version in sorted(tools)],
        "Packages": [f"{name} {version}" for name, version in sorted(packages)],
        "Python": [env.python for env in environments],
        "Bench": [f"{env.bench}, commit {env.git_commit or 'unknown'}" for env in environments],
    }
    return {name: list(dict.fromkeys(values)) for name, values in facts.items() if values}


def _commands(notes: Mapping[str, Any]) -> list[str]:
    """The command lines in a record's notes, which hold one or several of them."""
    command = notes.get("command", [])
    return [command] if isinstance(command, str) else [str(line) for line in command]


# --- For other programs ---------------------------------------------------------------------


def records_csv(records: Sequence[Record]) -> pd.DataFrame:
    """Every field of every record, except values by frame, training curves and notes, under dotted names."""
    frame = pd.json_normalize([json.loads(to_json(record)) for record in records]).convert_dtypes()
    return frame[[name for name in frame.columns if not name.startswith(("quality.frames", "notes", "training"))]]


def complexity_csv(found: Sequence[Section]) -> pd.DataFrame:
    """The complexity tables as one, with the machine of each row."""
    return as_frame(
        [
            place(section) | {"machine": machine(cell.record.environment)} | complexity_row(section, cell)
            for section in found
            for cell in section.measured
        ]
    )


def place(section: Section) -> Row:
    """The section of a row, so that a file that holds several can be taken apart."""
    return {
        "dataset": section.dataset,
        "preset": section.preset.name,
        "preset_digest": section.preset.digest,
        "full_scale": section.preset.full_scale,
        "width": section.width,
        "height": section.height,
        "frames": section.frames,
    }
