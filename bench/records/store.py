"""The results directory: the records in it, and where everything else lies.

DIR/records/       one JSON a cell
DIR/streams/       the bitstreams
DIR/frames/        a decoded frame of each cell, with its source and its transient pixels, as PNG
DIR/logs/          what the codecs' processes wrote to standard error
DIR/checkpoints/   what interrupted encoders left, to go on from
DIR/report/        written by `bench report`
DIR/compare/       written by `bench report --compare OTHER DIR`
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import StoreError
from ..files import read_json, read_json_and_bytes, write_bytes, write_json
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
        """Make the folders and prove that they can be written, before hours are spent."""
        for folder in ("records", "streams", "logs"):
            write_bytes(self.root / folder / ".writable", b"")
            (self.root / folder / ".writable").unlink()

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

    def save(self, name: str, record: Record) -> None:
        write_json(self.record_path(name), record)

    def records(self) -> Iterator[Record]:
        """Every record, in the order of their names. Raises `StoreError` on an unreadable one."""
        return (stored.record for stored in self.stored())

    def stored(self) -> Iterator[StoredRecord]:
        """The same, with the digests of their files."""
        for path in sorted((self.root / "records").glob("*.json")):
            record, content = read_json_and_bytes(path, Record)
            yield StoredRecord(path.name, hashlib.sha256(content).hexdigest(), record)
