"""The results directory: the records in it, and where everything else lies.

DIR/records/       one JSON a cell; in set_aside/ what stood in the way of one and was none
DIR/streams/       the bitstreams
DIR/frames/        a decoded frame of each cell, with its source and its transient pixels, as PNG
DIR/logs/          what the codecs' processes wrote to standard error
DIR/checkpoints/   what interrupted encoders left, to go on from, and what is known of streams not measured yet
DIR/locks/         a file for each cell, which the process that works on it holds
DIR/scratch/       what a cell needs while it is worked on; decoded frames are large
DIR/report/        written by `bench report`
DIR/compare/       written by `bench report --compare OTHER DIR`
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import StoreError
from ..files import UNWRITABLE, from_json, remove_unfinished, set_aside, sweep_folders, swept_folder, write_json
from .record import SCHEMA, Record


@dataclass(frozen=True)
class StoredRecord:
    """A record and the name and digest of its file."""

    file: str
    sha256: str
    record: Record


@dataclass(frozen=True)
class SetAside:
    """The name of a file among the records that counts as none, and why."""

    file: str
    reason: str


@dataclass(frozen=True)
class StoredRecords:
    """The records of a results directory, and what among them cannot be read, both in the order of their files."""

    readable: list[StoredRecord]
    set_aside: list[SetAside]


@dataclass(frozen=True)
class _Schema:
    schema: int


def stated_schema(path: Path) -> int:
    """The schema that a file states, which may not fit this program; 0 if it states none."""
    try:
        return from_json(path.read_bytes(), _Schema).schema
    except (ValueError, OSError):
        return 0


def read_record(path: Path) -> tuple[Record, bytes]:
    """The record in a file, and the file's content. Raises `StoreError`, which says why it cannot be read."""
    try:
        content = path.read_bytes()
        schema = from_json(content, _Schema).schema  # first: a newer record may have other fields
        if not 1 <= schema <= SCHEMA:
            raise ValueError(f"it has schema {schema}; this version of the program reads 1 to {SCHEMA}")
        record = from_json(content, Record)
    except (ValueError, OSError) as error:
        raise StoreError(f"{path} is not a readable record: {error}.") from error
    if record.status == "ok" and None in (record.stream, record.quality, record.decode):
        raise StoreError(f"{path} is not a readable record: its status is ok, but it has no result.")
    return record, content


def check_space(folder: Path, needed_bytes: int, what: str, otherwise: str) -> None:
    """Raise `StoreError` unless so many bytes, for the decoded frames of ``what``, are free where ``folder`` is.
    ``otherwise`` is what helps beside freeing some."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise StoreError(
            f"{what} needs {needed_bytes / 2**30:.2f} GiB for decoded frames; {folder} has {free / 2**30:.2f} free. "
            f"Free some, or {otherwise}."
        )


class Store:
    """The results directory at ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.named: set[str] = set()
        """The files of which it was said that they are no records."""

    def prepare(self) -> None:
        """Make the folders and prove that they can be written, before hours are spent; then `sweep`. Raises
        `StoreError`."""
        try:
            for folder in ("records", "streams", "logs", "locks", "scratch"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.root / folder):
                    pass
        except OSError as error:
            raise StoreError(f"Cannot write {self.root}: {error}. Choose another directory with --results.") from error
        self.sweep()

    def sweep(self) -> None:
        """Remove what killed runs left in mid-work, of any cell: scratch folders and files that were being written.
        What living processes work on stays. Raises `StoreError`.

        The locks of finished cells stay too: who removed one while others wait for it would let two of them work on the
        cell, one with the removed file and one with a new one. They are empty files.
        """
        try:
            sweep_folders(self.root / "scratch", self.lock_path)
            for folder in ("records", "frames", "checkpoints"):
                remove_unfinished(self.root / folder)
        except OSError as error:
            raise self.unwritable(error) from error

    @contextmanager
    def try_lock(self, name: str, wait_seconds: float = 0) -> Iterator[bool]:
        """Hold the lock of a cell, or false if another process holds it for so long. Who holds it works on the cell.
        It is free as soon as its holder ends, in whatever way. Raises `StoreError` if there can be no lock."""
        lock = FileLock(self.lock_path(name))
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=0.1)
        except Timeout:
            yield False
            return
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A new folder for work on a cell, whose lock the caller holds. What a killed process left goes first.
        Raises `StoreError` if the folder cannot be made, or if the work ends because nothing more can be written."""
        try:
            with swept_folder(self.root / "scratch", name) as folder:
                yield folder
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            raise self.unwritable(error) from error

    def unwritable(self, error: OSError) -> StoreError:
        """The error that says that this directory cannot be written any more, and what to do."""
        return StoreError(
            f"Cannot write {self.root}: {error}. Free space there or allow writing, then run again to go on; or choose "
            "another directory with --results."
        )

    def check_space(self, needed_bytes: int, what: str) -> None:
        """Raise `StoreError` unless so many bytes are free."""
        check_space(self.root, needed_bytes, what, "choose another directory with --results")

    def lock_path(self, name: str) -> Path:
        return self.root / "locks" / f"{name}.lock"

    def record_path(self, name: str) -> Path:
        return self.root / "records" / f"{name}.json"

    def stream_path(self, name: str, suffix: str) -> Path:
        return self.root / "streams" / f"{name}{suffix}"

    def log_path(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def kept_frame_path(self, name: str) -> Path:
        return self.root / "frames" / f"{name}.png"

    def checkpoints_path(self, name: str) -> Path:
        return self.root / "checkpoints" / name

    def find(self, name: str) -> Record | None:
        """The record of a cell; None if there is none, or none that can be read, which is said on standard error."""
        path = self.record_path(name)
        found = self._read(path) if os.path.lexists(path) else None
        return found.record if isinstance(found, StoredRecord) else None

    def has_files(self, record: Record) -> bool:
        """Whether the files that a record names are there: its stream, of the size that it states, and kept frames."""
        if record.stream is not None:
            stream = self.root / record.stream.path
            if not stream.is_file() or stream.stat().st_size != record.stream.size_bytes:
                return False
        kept = record.still
        return kept is None or all((self.root / f.path).is_file() for f in (kept.decoded, kept.source, kept.transient))

    def save(self, name: str, record: Record) -> None:
        """Write the record of a cell, whose lock the caller holds. A file in its place that is no record of this cell
        is moved into ``records/set_aside``, which is said on standard error. Raises `StoreError`."""
        path = self.record_path(name)
        if os.path.lexists(path):
            try:
                in_the_way = read_record(path)[0].key != record.key
            except StoreError:
                in_the_way = True
            if in_the_way:
                moved = set_aside(path, path.parent / "set_aside")
                print(f"bench: {path} was no record of this cell and is kept as {moved}.", file=sys.stderr)
        write_json(path, record)

    def read(self) -> StoredRecords:
        """Every record, in the order of their names. What cannot be read is named on standard error, once."""
        found = [self._read(path) for path in sorted((self.root / "records").glob("*.json"))]
        return StoredRecords(
            [item for item in found if isinstance(item, StoredRecord)],
            [item for item in found if isinstance(item, SetAside)],
        )

    def records(self) -> list[Record]:
        """The records that `read` finds readable."""
        return [stored.record for stored in self.read().readable]

    def _read(self, path: Path) -> StoredRecord | SetAside:
        try:
            record, content = read_record(path)
        except StoreError as error:
            if path.name not in self.named:
                self.named.add(path.name)
                print(f"bench: {error} It counts as none; a run of its cell moves it into set_aside/.", file=sys.stderr)
            return SetAside(path.name, str(error.__cause__ or error))
        return StoredRecord(path.name, hashlib.sha256(content).hexdigest(), record)
