"""Writing a baseline: the records of results that are accepted from now on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..analysis.conditions import conditions
from ..analysis.identity import newest
from ..errors import StoreError, UsageError
from ..files import read_json, write_json
from ..records.record import Record, cell_name
from .reading import read_records, records_folder


@dataclass(frozen=True)
class Update:
    """How many records were written into ``folder``, and how many others were removed from it."""

    folder: Path
    written: int
    removed: int


def update(baseline: Path, results: Path) -> Update:
    """Make the records of ``results`` the baseline: of those under its conditions one for each cell, or of all if
    there is no baseline yet.

    The new records are written first, each whole or not at all, and the others are removed then, so that one that is
    killed leaves a baseline with too much in it. Raises `UsageError` if the results have no cell under the baseline's
    conditions or hold cells that failed; `StoreError` if the folder cannot be written.
    """
    folder = records_folder(baseline)
    files = sorted(folder.glob("*.json"))
    chosen = list(newest(read_records(results).records).values())
    known = {conditions(record) for record in _any_schema(files)}
    if known:
        chosen = [record for record in chosen if conditions(record) in known]
        if not chosen:
            extents = "; ".join(sorted(f"{where.extent} of {where.dataset}" for where in known))
            raise UsageError(
                f"{results} holds no cell under the conditions of the baseline {baseline} ({extents}). Name other "
                "results, or another folder for a new baseline."
            )
    _refuse_failed(chosen, results)
    names = (cell_name(record.clip.source, record.codec.name, record.key) for record in chosen)
    written = {f"{name}.json": record for name, record in zip(names, chosen, strict=True)}
    for name, record in written.items():
        write_json(folder / name, record)
    others = [file for file in files if file.name not in written]
    try:
        for file in others:
            file.unlink()
    except OSError as error:
        raise StoreError(f"Cannot remove an old record from the baseline: {error}.") from error
    return Update(folder, len(written), len(others))


def _any_schema(files: list[Path]) -> Iterator[Record]:
    """The records that can be read: those of an older schema say under which conditions the baseline is, too."""
    for file in files:
        with contextlib.suppress(StoreError):
            yield read_json(file, Record)


def _refuse_failed(records: list[Record], results: Path) -> None:
    """Raise `UsageError` if some of the records have no result, though they were not skipped on purpose."""
    bad = [record for record in records if record.status not in ("ok", "skipped")]
    if bad:
        first = bad[0]
        name = f"{first.clip.name} {first.codec.label} {first.codec.parameters} seed {first.seed}"
        raise UsageError(
            f"{len(bad)} of {len(records)} cells in {results} failed or timed out, the first of them {name}: "
            f"{first.reason}. A baseline of them would pass what is broken. Run them again."
        )
