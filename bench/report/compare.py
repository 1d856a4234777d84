"""Two result sets side by side: what changed from one to the other, what appeared, what vanished.

They may be of two versions of a codec or of two machines, so that cells are matched by what they
are, not by their keys: codec, label, parameters, sequence, size, length and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from ..analysis.bd_rate import Points, bd_rate
from ..analysis.comparable import METRICS
from ..analysis.machines import machine
from ..errors import UsageError
from ..files import write_bytes
from ..records.record import Cost, Record
from .forms.data import to_csv, to_json, to_parquet
from .forms.markdown import table as markdown_table
from .tables.table import Row, Table, as_data

Identity = tuple[Any, ...]


@dataclass(frozen=True)
class ResultsComparison:
    """``names`` are of the two sets. ``changed`` has one line for each cell that both hold."""

    names: tuple[str, str]
    changed: Table
    curves: Table
    only: Table
    """What stands in one of the two alone."""
    superseded: int
    """Records that another of the same cell, of a later version or start, stands for."""


def compare(a: Iterable[Record], b: Iterable[Record], names: tuple[str, str] = ("A", "B")) -> ResultsComparison:
    """Everything that differs from ``a`` to ``b``. Raises `UsageError` if either is empty."""
    sets = [list(a), list(b)]
    for records, name in zip(sets, names, strict=True):
        if not records:
            raise UsageError(f"There are no records in {name} to compare. Name a directory that `bench run` filled.")
    before, after = (_newest(records) for records in sets)
    both = [key for key in before if key in after]
    only = [(names[0], before[key]) for key in before if key not in after]
    only += [(names[1], after[key]) for key in after if key not in before]
    rows = [_change(before[key], after[key]) for key in both]
    return ResultsComparison(
        names=names,
        changed=Table(f"From {names[0]} to {names[1]}", as_data(rows), NOTES, "changed"),
        curves=Table(
            f"BD-rate of {names[1]} against {names[0]}, curve by curve",
            as_data(_curves([(before[key], after[key]) for key in both])),
            ("Percent of bits for the same quality, over the rate points that both have.",),
            "curves",
        ),
        only=Table(
            f"Only in {names[0]} (vanished) or in {names[1]} (appeared)", as_data(list(map(_only, only))), (), "only"
        ),
        superseded=sum(map(len, sets)) - len(before) - len(after),
    )


NOTES = (
    "Differences are the second less the first. Streams: whether the bytes are the same; frames: whether the decoded "
    "samples are. Times are set side by side only where machines are the same, by CPU, cores and GPU.",
)


def _identity(record: Record) -> Identity:
    form = record.clip.rgb.format
    return (
        record.codec.name,
        record.codec.label,
        msgspec.json.encode(record.codec.parameters, order="deterministic"),
        record.clip.source.dataset,
        record.clip.source.sequence,
        (form.width, form.height, form.frames),
        record.seed,
    )


def _newest(records: Sequence[Record]) -> dict[Identity, Record]:
    """One record for each cell: of the highest version of the codec, then the last one."""
    found: dict[Identity, Record] = {}
    for record in sorted(records, key=lambda record: (record.codec.version, record.started)):
        found[_identity(record)] = record
    return dict(sorted(found.items()))


def _cell(record: Record) -> Row:
    form = record.clip.rgb.format
    parameters = ", ".join(f"{name}={value}" for name, value in record.codec.parameters.items())
    return {
        "codec": record.codec.label,
        "sequence": record.clip.name,
        "size": f"{form.width}x{form.height}x{form.frames}",
        "preset": record.preset.name + ("" if record.preset.full_scale else ", scaled down"),
        "rate_point": parameters,
        "seed": record.seed,
    }


def _only(found: tuple[str, Record]) -> Row:
    side, record = found
    return {"side": side} | _cell(record) | {"status": record.status.replace("_", " ")}


def _change(a: Record, b: Record) -> Row:
    same = machine(a.environment) == machine(b.environment)
    return _cell(a) | {
        "streams": _same(*(record.stream.sha256 if record.stream else None for record in (a, b))),
        "decoded": _same(a.frames_sha256, b.frames_sha256),
        "size_change": _ratio(*(record.stream.size_bytes if record.stream else None for record in (a, b))),
        "psnr_rgb_change": _difference(a, b, "psnr_rgb"),
        "ms_ssim_rgb_db_change": _difference(a, b, "ms_ssim_rgb_db"),
        "encode_change": _ratio(_seconds(a.encode), _seconds(b.encode)) if same else None,
        "decode_change": _ratio(_seconds(a.decode), _seconds(b.decode)) if same else None,
        "note": "; ".join(_remarks(a, b, same)) or None,
    }


def _remarks(a: Record, b: Record, same_machine: bool) -> Iterable[str]:
    if a.status != b.status:
        yield f"{a.status} to {b.status}".replace("_", " ")
    if a.clip.rgb_sha256 != b.clip.rgb_sha256:
        yield "the source's frames differ, and so may quality"
    if a.codec.version != b.codec.version:
        yield f"version {a.codec.version} to {b.codec.version}"
    for tool in sorted(a.codec.tools.keys() | b.codec.tools.keys()):
        before, after = a.codec.tools.get(tool, "none"), b.codec.tools.get(tool, "none")
        if before != after:
            yield f"{tool} {before} to {after}"
    if not same_machine:
        yield "another machine"


def _same(a: str | None, b: str | None) -> str | None:
    return None if a is None or b is None else "same" if a == b else "differ"


def _ratio(a: float | None, b: float | None) -> float | None:
    """The change as a part of the first."""
    return b / a - 1 if a and b is not None else None


def _seconds(cost: Cost | None) -> float | None:
    return cost.seconds if cost else None


def _difference(a: Record, b: Record, metric: str) -> float | None:
    before, after = (record.quality.clip.get(metric) if record.quality else None for record in (a, b))
    return None if before is None or after is None else 0.0 if before == after else after - before


def _curves(matched: Sequence[tuple[Record, Record]]) -> list[Row]:
    groups: dict[Identity, list[tuple[Record, Record]]] = {}
    for a, b in matched:
        form = a.clip.rgb.format
        groups.setdefault((a.codec.label, a.clip.name, form, a.seed, a.preset), []).append((a, b))
    rows = []
    for members in groups.values():
        row = _cell(members[0][0]) | {"points": len(members)}
        del row["rate_point"]
        reasons = []
        for metric in METRICS:
            result = bd_rate(*(_points([pair[side] for pair in members], metric) for side in (0, 1)))
            row[f"bd_{metric}"] = result.value
            reasons += [result.reason] if result.reason else []
        rows.append(row | {"note": "; ".join(dict.fromkeys(reasons)) or None})
    return rows


def _points(records: Sequence[Record], metric: str) -> Points:
    return [
        (record.stream.bits_per_pixel, record.quality.clip[metric])
        for record in records
        if record.stream and record.quality and metric in record.quality.clip
    ]


# --- Forms ----------------------------------------------------------------------------------


def render_comparison(found: ResultsComparison) -> str:
    """As Markdown: a line for each cell that changed, and what stands in one set alone."""
    data = found.changed.data
    moved = [row for row in range(len(data)) if data["streams"].iloc[row] != "same" or data["note"].iloc[row]]
    still = len(data) - len(moved)
    blocks = [
        f"# {found.names[0]} and {found.names[1]}",
        f"{len(data)} cells in both, {still} of them with the same stream; {len(found.only.data)} in one alone; "
        f"{found.superseded} records passed over for a later one of the same cell.",
    ]
    if moved:
        blocks.append(markdown_table(replace(found.changed, data=data.iloc[moved])))
    blocks += [markdown_table(table) for table in (found.curves, found.only) if len(table.data)]
    return "\n\n".join(blocks) + "\n"


FORMS: dict[str, Callable[..., bytes]] = {"csv": to_csv, "parquet": to_parquet, "json": to_json}


def write_comparison(found: ResultsComparison, folder: Path) -> Path:
    """Write ``compare.md``, and each table as CSV, Parquet and JSON, into ``folder``; return it."""
    write_bytes(folder / "compare.md", render_comparison(found).encode())
    for table in (found.changed, found.curves, found.only):
        for suffix, form in FORMS.items():
            write_bytes(folder / f"{table.name}.{suffix}", form(table.data))
    return folder
