"""Records as a table, one row each, for notebooks and other programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pandas as pd

from ..files import to_json
from ..records.record import Record


def records_data(records: Sequence[Record]) -> pd.DataFrame:
    """Every field of every record under its dotted name, except values by frame, training curves and notes."""
    return pd.json_normalize([json.loads(to_json(_without_series(record))) for record in records]).drop(
        columns=["notes", "training", "quality.frames"], errors="ignore"
    )


def _without_series(record: Record) -> Record:
    quality = dataclasses.replace(record.quality, frames={}) if record.quality else None
    return dataclasses.replace(record, quality=quality, training=None, notes={})
