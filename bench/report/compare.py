"""Two result sets side by side: what changed from one to the other, what appeared, what vanished.

The sets may come from two versions of a codec or from two machines. So cells are not matched by their keys
but by what they are: codec, parameters, sequence, seed, and the conditions under which they were measured, which
have size, length and cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..analysis.bd_rate import Points, bd_rate
from ..analysis.comparable import METRICS
from ..analysis.conditions import Conditions, at_full_scale, conditions
from ..analysis.identity import newest
from ..analysis.labels import curve_labels
from ..errors import UsageError
from ..files import write_bytes
from ..records.record import Cost, Record
from .forms.data import to_csv, to_json, to_parquet
from .forms.markdown import table_text
from .tables.table import Row, Table, as_data


@dataclass(frozen=True)
class ResultsComparison:
    """Two result sets, called by their ``names``. ``changed`` has one row for each cell that both sets hold."""

    names: tuple[str, str]
    changed: Table
    curves: Table
    only: Table
    """The cells that only one of the sets holds."""
    superseded: int
    """The number of records that are passed over for another record of the same cell, which is of a later version
    or was started later."""


def compare(a: Iterable[Record], b: Iterable[Record], names: tuple[str, str] = ("A", "B")) -> ResultsComparison:
    """What differs from the set ``a`` to the set ``b``. Raises `UsageError` if one of them is empty."""
    sets = [list(a), list(b)]
    for records, name in zip(sets, names, strict=True):
        if not records:
            raise UsageError(f"There are no records in {name} to compare. Name a directory that `bench run` filled.")
    before, after = (newest(records) for records in sets)
    both = [key for key in before if key in after]
    only = [(names[0], before[key]) for key in before if key not in after]
    only += [(names[1], after[key]) for key in after if key not in before]
    pairs = [(before[key], after[key]) for key in both]
    return ResultsComparison(
        names=names,
        changed=Table(
            caption=f"From {names[0]} to {names[1]}",
            data=as_data([_change(*pair) for pair in pairs]),
            notes=NOTES,
            name="changed",
        ),
        curves=Table(
            caption=f"BD-rate of {names[1]} against {names[0]}, curve by curve",
            data=as_data(_curves(pairs)),
            notes=("Percent of bits for the same quality, over the rate points that both have.",),
            name="curves",
        ),
        only=Table(
            caption=f"Only in {names[0]} (vanished) or in {names[1]} (appeared)",
            data=as_data([_only(*item) for item in only]),
            name="only",
        ),
        superseded=sum(map(len, sets)) - len(before) - len(after),
    )


NOTES = (
    "Differences are the second less the first. Streams: whether the bytes are the same; frames: whether the decoded "
    "samples are. Times are set side by side only where machines are the same, by CPU, cores and GPU.",
)


def _cell(record: Record) -> Row:
    """The columns that say which cell a row is about."""
    where = conditions(record)
    parameters = ", ".join(f"{name}={value}" for name, value in record.codec.parameters.items())
    return {
        "codec": record.codec.label,
        "sequence": record.clip.name,
        "size": f"{where.width}x{where.height}x{where.frames}{where.how_made}",
        "preset": record.preset.name + ("" if at_full_scale(record) else ", scaled down"),
        "rate_point": parameters,
        "seed": record.seed,
    }


def _only(side: str, record: Record) -> Row:
    """The row of a cell that only the set named ``side`` holds."""
    return {"side": side} | _cell(record) | {"status": record.status.replace("_", " ")}


def _change(a: Record, b: Record) -> Row:
    """The row of a cell that both sets hold."""
    same = a.environment.machine == b.environment.machine
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
    """What else differs between the two records, and may explain a change."""
    if a.status != b.status:
        yield f"{a.status} to {b.status}".replace("_", " ")
    if a.clip.rgb_sha256 != b.clip.rgb_sha256:
        yield "the source's frames differ, and so may quality"
    if a.schema != b.schema:
        yield f"schema {a.schema} to {b.schema}"
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
    """The change from ``a`` to ``b`` as a part of ``a``."""
    return b / a - 1 if a and b is not None else None


def _seconds(cost: Cost | None) -> float | None:
    return cost.seconds if cost else None


def _difference(a: Record, b: Record, metric: str) -> float | None:
    before, after = (record.quality.clip.get(metric) if record.quality else None for record in (a, b))
    return None if before is None or after is None else 0.0 if before == after else after - before


def _curves(matched: Sequence[tuple[Record, Record]]) -> list[Row]:
    """A row for each curve that both sets hold: how many points they share, and the BD-rate between the two."""
    by_conditions: dict[Conditions, list[tuple[Record, Record]]] = defaultdict(list)
    for pair in matched:
        by_conditions[conditions(pair[0])].append(pair)
    curves: dict[tuple[Any, ...], list[tuple[Record, Record]]] = defaultdict(list)
    for where, pairs in by_conditions.items():
        for label, (a, b) in zip(curve_labels([a for a, _ in pairs]), pairs, strict=True):
            curves[label, a.clip.name, where, a.seed].append((a, b))
    rows = []
    for (label, *_), members in curves.items():
        row = _cell(members[0][0]) | {"codec": label, "points": len(members)}
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


def render_comparison(comparison: ResultsComparison) -> str:
    """The comparison as Markdown: a row for each cell that changed, and the cells that only one set holds."""
    data = comparison.changed.data
    moved = [row for row in range(len(data)) if data["streams"].iloc[row] != "same" or data["note"].iloc[row]]
    still = len(data) - len(moved)
    blocks = [
        f"# {comparison.names[0]} and {comparison.names[1]}",
        f"{len(data)} cells in both, {still} of them with the same stream; {len(comparison.only.data)} in one alone; "
        f"{comparison.superseded} records passed over for a later one of the same cell.",
    ]
    if moved:
        blocks.append(table_text(replace(comparison.changed, data=data.iloc[moved])))
    blocks += [table_text(table) for table in (comparison.curves, comparison.only) if len(table.data)]
    return "\n\n".join(blocks) + "\n"


FORMS: dict[str, Callable[..., bytes]] = {"csv": to_csv, "parquet": to_parquet, "json": to_json}


def write_comparison(comparison: ResultsComparison, folder: Path) -> Path:
    """Write ``compare.md`` and each table as CSV, Parquet and JSON into ``folder``, and return ``folder``."""
    write_bytes(folder / "compare.md", render_comparison(comparison).encode())
    for table in (comparison.changed, comparison.curves, comparison.only):
        for suffix, form in FORMS.items():
            write_bytes(folder / f"{table.name}.{suffix}", form(table.data))
    return folder
