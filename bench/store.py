"""Files that are whole or absent, and the records in a results directory.

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
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .errors import StoreError
from .record import Record

T = TypeVar("T")


def _encode(value: Any) -> Any:
    if isinstance(value, Fraction | Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in a record")


def _decode(kind: type, value: Any) -> Any:
    if kind in (Fraction, Path):
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} has no place in a record")


def to_json(value: Any) -> bytes:
    """``value`` (dataclasses and what they hold) as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=1)


def to_builtins(value: Any) -> Any:
    """``value`` as the dicts, lists, strings and numbers that `to_json` writes."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def from_builtins(value: Any, kind: type[T]) -> T:
    """The dataclass that parsed JSON describes, its types checked."""
    return msgspec.convert(value, kind, dec_hook=_decode)


def read_json(path: Path, kind: type[T]) -> T:
    """The dataclass in a file; `StoreError` names the field that does not fit."""
    return _read(path, kind)[0]


def _read(path: Path, kind: type[T]) -> tuple[T, bytes]:
    """The dataclass in a file, and the file."""
    try:
        content = path.read_bytes()
        return msgspec.json.decode(content, type=kind, dec_hook=_decode), content
    except (msgspec.DecodeError, ValueError, OSError) as error:
        raise StoreError(f"{path} is not a readable {kind.__name__}: {error}. Delete it and run again.") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a killed process leaves the old one, the new one or none, never half."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error}. Choose another directory with --results.") from error


def write_json(path: Path, value: Any) -> None:
    write_bytes(path, to_json(value))


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

    def frame_path(self, name: str) -> Path:
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
            record, content = _read(path, Record)
            yield StoredRecord(path.name, hashlib.sha256(content).hexdigest(), record)
