"""The records of a folder, with a word on each file that is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError, UsageError
from ..records.record import SCHEMA, Record
from ..records.store import read_record, stated_schema
from .finding import Finding


@dataclass(frozen=True)
class RecordSet:
    """The records in ``folder`` that can be compared, and a finding for each file that holds none."""

    folder: Path
    records: tuple[Record, ...]
    passed_over: tuple[Finding, ...]


def records_folder(path: Path) -> Path:
    """Where the records are, of a results directory or of a folder of records. A baseline that does not exist yet
    will be a results directory."""
    return path / "records" if (path / "records").is_dir() or not any(path.glob("*.json")) else path


def read_records(path: Path) -> RecordSet:
    """The records of this program's schema. A file of an older schema, or that is no record at all, is noted and
    passed over; one of a newer schema cannot be compared. Raises `UsageError` if no file is left."""
    folder = records_folder(path)
    records, passed_over = [], []
    for file in sorted(folder.glob("*.json")):
        one = _read(file)
        if isinstance(one, Record):
            records.append(one)
        else:
            passed_over.append(one)
    if not records:
        why = f" {passed_over[0].subject}: {passed_over[0].message}" if passed_over else ""
        raise UsageError(
            f"There are no records in {folder} to compare.{why} Name a directory that `bench run` filled, or write "
            "a baseline with --update."
        )
    return RecordSet(folder, tuple(records), tuple(passed_over))


def _read(file: Path) -> Record | Finding:
    try:
        record, _ = read_record(file)
        schema = record.schema
    except StoreError as error:
        schema = stated_schema(file)
        if schema <= SCHEMA:
            return Finding(str(file), "structure", "note", f"This file is passed over: {error}")
    if schema > SCHEMA:
        message = f"The record's schema is {schema}; this program knows {SCHEMA}. Check with a newer version of it."
        return Finding(str(file), "structure", "incomparable", message)
    if schema < SCHEMA:
        message = f"The record is passed over: its schema is {schema}, and since {SCHEMA} cells give other numbers."
        return Finding(str(file), "structure", "note", message)
    return record
