"""The results directory: the records in it, and where everything else lies.

DIR/records/       one JSON a cell
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

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import StoreError
from ..files import read_json, read_json_and_bytes, swept_folder, write_json
from .record import Record


@dataclass(frozen=True)
class StoredRecord:
    """A record and the name and digest of its file."""

    file: str
    sha256: str
    record: Record


class Store:
    """The results directory at ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folders and prove that they can be written, before hours are spent. Raises `StoreError`."""
        try:
            for folder in ("records", "streams", "logs", "locks", "scratch"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.root / folder):
                    pass
        except OSError as error:
            raise StoreError(f"Cannot write {self.root}: {error}. Choose another directory with --results.") from error

    @contextmanager
    def try_lock(self, name: str, wait_seconds: float = 0) -> Iterator[bool]:
        """Hold the lock of a cell, or false if another process holds it for so long. Who holds it works on the cell.
        It is free as soon as its holder ends, in whatever way."""
        lock = FileLock(self.root / "locks" / f"{name}.lock")
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=0.1)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def scratch(self, name: str) -> AbstractContextManager[Path]:
        """A new folder for work on a cell, whose lock the caller holds. What a killed process left goes first."""
        return swept_folder(self.root / "scratch", name)

    def check_space(self, needed_bytes: int, what: str) -> None:
        """Raise `StoreError` unless so many bytes are free."""
        free = shutil.disk_usage(self.root).free
        if free < needed_bytes:
            raise StoreError(
                f"{what} needs {needed_bytes / 2**30:.2f} GiB for decoded frames; {self.root} has {free / 2**30:.2f} "
                "free. Free some, or choose another directory with --results."
            )

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
        """The record of a cell; None if there is none or it cannot be read."""
        path = self.record_path(name)
        try:
            return read_json(path, Record) if path.exists() else None
        except StoreError:
            return None

    def has_files(self, record: Record) -> bool:
        """Whether the files that a record names are there: its stream, of the size that it states, and kept frames."""
        if record.stream is not None:
            stream = self.root / record.stream.path
            if not stream.is_file() or stream.stat().st_size != record.stream.size_bytes:
                return False
        kept = record.still
        return kept is None or all((self.root / f.path).is_file() for f in (kept.decoded, kept.source, kept.transient))

    def save(self, name: str, record: Record) -> None:
        write_json(self.record_path(name), record)

    def readable(self) -> Iterator[Record]:
        """Every record that can be read."""
        for path in sorted((self.root / "records").glob("*.json")):
            with contextlib.suppress(StoreError):
                yield read_json(path, Record)

    def records(self) -> Iterator[Record]:
        """Every record, in the order of their names. Raises `StoreError` on an unreadable one."""
        return (stored.record for stored in self.stored())

    def stored(self) -> Iterator[StoredRecord]:
        """The same, with the digests of their files."""
        for path in sorted((self.root / "records").glob("*.json")):
            record, content = read_json_and_bytes(path, Record)
            yield StoredRecord(path.name, hashlib.sha256(content).hexdigest(), record)
