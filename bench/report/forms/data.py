"""Every table for other programs, with the raw values of all comparable sets: as CSV, Parquet and JSON."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from ...analysis.records_data import records_data
from ..content import Content
from ..tables.bd_rate import bd_mean_data, bd_rate_data
from ..tables.equal_time import equal_time_data
from ..tables.training import training_data


def data_tables(content: Content) -> dict[str, pd.DataFrame]:
    """Each table by its name. Columns say which comparable set a row belongs to."""
    groups = [section.group for section in content.sections]
    compared = [(section.group, section.pairs) for section in content.sections]
    by_name: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for section in content.sections:
        for table in section.tables():
            if not table.text:
                by_name[table.name].append(table.data)
    return {
        "records": records_data(content.records),
        "bd_rate": bd_rate_data(compared),
        "bd_rate_means": bd_mean_data(compared),
        "equal_time": equal_time_data(groups),
        "training": training_data(groups),
        **{table.name: table.data for table in content.tables},
        **{name: _joined(members) for name, members in by_name.items()},
    }


def _joined(members: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all tables in one table with the columns of all."""
    columns = list(dict.fromkeys(name for data in members for name in data.columns))
    rows = [row for data in members for row in data.reindex(columns=columns).itertuples(index=False, name=None)]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def to_csv(data: pd.DataFrame) -> bytes:
    """The table as CSV: a line of names, then the rows. A field without a value is empty."""
    return data.to_csv(index=False).encode()


def to_parquet(data: pd.DataFrame) -> bytes:
    """The table as Parquet, where a column has one type: a column of several types, as ``preset`` with the
    values 6 and medium, becomes text."""
    typed = data.convert_dtypes()
    for name in typed.columns:
        if typed[name].dtype == object:
            typed[name] = typed[name].map(str, na_action="ignore").astype("string")
    buffer = io.BytesIO()
    typed.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def to_json(data: pd.DataFrame) -> bytes:
    """The table as a JSON list with one object for each row. JSON has no infinity: it becomes null."""
    return data.to_json(orient="records", double_precision=15, force_ascii=False).encode()
