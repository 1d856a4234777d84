"""Files that are whole or absent, the two text formats that are read and written, and digests of files."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from filelock import FileLock, Timeout

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
        return Path(os.fsdecode(bytes.fromhex(value.get(PATH_IN_HEX, "none"))))
    if kind is Fraction and not re.fullmatch(r"-?\d{1,20}(/0*[1-9]\d{0,19})?", str(value)):
        raise ValueError(f"{value!r} is not a fraction")
    if kind in (Fraction, Path):
        return kind(value)
    raise NotImplementedError(f"{kind.__name__} has no place in a record")


def to_json(value: Any) -> bytes:
    """``value`` (dataclasses and what they hold) as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=1)


def from_json(content: bytes, kind: type[T]) -> T:
    """The dataclass that JSON text holds. Raises `ValueError`, which names the field that does not fit."""
    try:
        return msgspec.json.decode(content, type=kind, dec_hook=_decode)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def to_builtins(value: Any) -> Any:
    """``value`` as the dicts, lists, strings and numbers that `to_json` writes."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def from_builtins(value: Any, kind: type[T]) -> T:
    """The dataclass that parsed JSON describes, its types checked."""
    return msgspec.convert(value, kind, dec_hook=_decode)


def read_json(path: Path, kind: type[T]) -> T:
    """The dataclass in a file; `StoreError` names the field that does not fit."""
    try:
        return from_json(path.read_bytes(), kind)
    except (ValueError, OSError) as error:
        raise StoreError(f"{path} is not a readable {kind.__name__}: {error}. Delete it and run again.") from error


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as `to_json` has it, whole or not at all. Raises `StoreError`."""
    write_bytes(path, to_json(value))


# --- Whole or absent ------------------------------------------------------------------------

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
"""What the system answers where nothing can be written: the disk is full, a quota or a limit of size is reached, or
writing is not allowed."""
UNFINISHED = ".unfinished"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a killed process leaves the old one, the new one or none under this name, never half.

    What it may leave beside it, `remove_unfinished` removes. Raises `StoreError` if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = _open_unfinished(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                unfinished.chmod(0o644)
                unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror}. Free space or allow writing there, or choose another directory "
            "with --results."
        ) from error


def _open_unfinished(path: Path) -> tuple[int, Path]:
    """A new file beside ``path``, locked for as long as it is open."""
    while True:
        handle, name = tempfile.mkstemp(UNFINISHED, f".{path.name}-", path.parent)
        with contextlib.suppress(OSError):  # a file system without locks: there nothing is removed, either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # it was removed before it was locked


def remove_unfinished(folder: Path) -> None:
    """Remove, below ``folder``, what writers of files left that were killed. Files that are being written stay."""
    for path in folder.rglob(f".*{UNFINISHED}"):
        with contextlib.suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


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


def sweep_folders(parent: Path, lock_of: Callable[[str], Path], works: str = "*") -> None:
    """Remove what killed processes left of the folders that `swept_folder` made in ``parent``, for any work whose name
    matches the pattern ``works`` and whose lock, the file ``lock_of`` the name, nobody holds. Raises `OSError`."""
    for left in [path for path in parent.glob(f"{works}.*") if path.is_dir()]:
        with contextlib.suppress(Timeout), FileLock(lock_of(left.name.rpartition(".")[0]), timeout=0):
            shutil.rmtree(left, ignore_errors=True)


def set_aside(path: Path, folder: Path) -> Path:
    """Move a file that cannot be used into ``folder``, under its own name or, where that is taken, a numbered one,
    and return its new path. Raises `StoreError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = [path.name, *(f"{path.stem}.{number}{path.suffix}" for number in range(1, 1000))]
        target = next(folder / name for name in names if not os.path.lexists(folder / name))
        path.rename(target)
    except (OSError, StopIteration) as error:
        raise StoreError(f"Cannot move {path} into {folder}: {error}. Move or delete it by hand.") from error
    return target


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
