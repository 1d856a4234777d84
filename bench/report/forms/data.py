"""Every table for other programs: one frame of raw values for all sections, as CSV, Parquet and JSON."""

from __future__ import annotations

import dataclasses
import io
from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from ...files import to_builtins
from ...records.record import Record
from ..content import Content
from ..figures.training import training_csv
from ..tables.bd_rate import bd_mean_frame, bd_rate_frame
from ..tables.equal_time import equal_time_frame


def frames(made: Content) -> dict[str, pd.DataFrame]:
    """Each table by its name, with the section of each row in its columns."""
    groups = [part.group for part in made.parts]
    compared = [(part.group, part.pairs) for part in made.parts]
    found: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for part in made.parts:
        for table in part.tables():
            if not table.text:
                found[table.name].append(table.data)
    return {
        "records": records_frame(made.records),
        "bd_rate": bd_rate_frame(compared),
        "bd_rate_means": bd_mean_frame(compared),
        "equal_time": equal_time_frame(groups),
        "training": training_csv(groups),
        "machines": made.machines.data,
        **{name: _joined(members) for name, members in found.items()},
    }


def _joined(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    columns = list(dict.fromkeys(name for frame in members for name in frame.columns))
    rows = [row for frame in members for row in frame.reindex(columns=columns).itertuples(index=False, name=None)]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def records_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Every field of every record, except values by frame, training curves and notes, under dotted names."""
    return pd.json_normalize([to_builtins(_outline(record)) for record in records]).drop(
        columns=["notes", "training", "quality.frames"], errors="ignore"
    )


def _outline(record: Record) -> Record:
    quality = dataclasses.replace(record.quality, frames={}) if record.quality else None
    return dataclasses.replace(record, quality=quality, training=None, notes={})


def to_csv(frame: pd.DataFrame) -> bytes:
    """With a line of names; nothing where there is no value."""
    return frame.to_csv(index=False).encode()


def to_parquet(frame: pd.DataFrame) -> bytes:
    """A column is of one type: text where its values are of several, as a ``preset`` of 6 and of medium."""
    typed = frame.convert_dtypes()
    for name in typed.columns:
        if typed[name].dtype == object:
            typed[name] = typed[name].map(str, na_action="ignore").astype("string")
    buffer = io.BytesIO()
    typed.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def to_json(frame: pd.DataFrame) -> bytes:
    """A list of objects, one a row. JSON has no infinity, which becomes null."""
    return frame.to_json(orient="records", double_precision=15, force_ascii=False).encode()
