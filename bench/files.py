"""Files that are whole or absent, the two text formats that are read and written, and digests of files."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .errors import StoreError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


PATH_IN_HEX = "path_in_hex"


# --- JSON -----------------------------------------------------------------------------------


def _encode(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Path):
        name = os.fsencode(value)
        try:
            return name.decode("utf-8")
        except UnicodeDecodeError:  # such names exist on disk, but not in JSON
            return {PATH_IN_HEX: name.hex()}
    if hasattr(value, "tolist"):
        return value.tolist()  # numpy's and torch's numbers and arrays
    raise NotImplementedError(f"{type(value).__name__} has no place in a record")


def _decode(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, dict):
        return Path(os.fsdecode(bytes.fromhex(value[PATH_IN_HEX])))
    if kind in (Fraction, Path):
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} has no place in a record")


def to_json(value: Any) -> bytes:
    """``value`` (dataclasses and what they hold) as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=1)


def from_json(content: bytes, kind: type[T]) -> T:
    """The dataclass that JSON text holds. Raises `msgspec.DecodeError` or `ValueError`, which name the field that does
    not fit."""
    return msgspec.json.decode(content, type=kind, dec_hook=_decode)


def to_builtins(value: Any) -> Any:
    """``value`` as the dicts, lists, strings and numbers that `to_json` writes."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def from_builtins(value: Any, kind: type[T]) -> T:
    """The dataclass that parsed JSON describes, its types checked."""
    return msgspec.convert(value, kind, dec_hook=_decode)


def read_json(path: Path, kind: type[T]) -> T:
    """The dataclass in a file; `StoreError` names the field that does not fit."""
    return read_json_and_bytes(path, kind)[0]


def read_json_and_bytes(path: Path, kind: type[T]) -> tuple[T, bytes]:
    """The dataclass in a file, and the file's content. Raises `StoreError` as `read_json` does."""
    try:
        content = path.read_bytes()
        return from_json(content, kind), content
    except (msgspec.DecodeError, ValueError, OSError) as error:
        raise StoreError(f"{path} is not a readable {kind.__name__}: {error}. Delete it and run again.") from error


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as `to_json` has it, whole or not at all. Raises `StoreError`."""
    write_bytes(path, to_json(value))


# --- Whole or absent ------------------------------------------------------------------------


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a killed process leaves the old one, the new one or none, never half.

    Raises `StoreError` if it cannot be written.
    """
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


@contextmanager
def swept_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder in ``parent`` for unfinished work that ``name`` stands for, gone at the end.

    What killed processes left of the same work goes first: the caller must hold a lock on it. Raises `OSError`.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{glob.escape(name)}.*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{name}.") as made:
        yield Path(made).resolve()


# --- Digests --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Content:
    """The SHA-256 of bytes, in hexadecimal, and their number: a file's own, or those that it decodes to."""

    sha256: str
    size_bytes: int


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


# --- TOML -----------------------------------------------------------------------------------


def load_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file, which is UTF-8 by definition."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
