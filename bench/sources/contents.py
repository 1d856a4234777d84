"""A cache of what large files hold, so that a file is read only once as long as it does not change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import SourceError, StoreError
from ..files import Content, file_sha256, from_builtins, read_json, to_builtins, write_json
from ..video.paths import printable

FILE = "file"
"""The question for the content of a file's own bytes."""


T = TypeVar("T")


@dataclass(frozen=True)
class _CacheEntry:
    stamp: str
    content: Any


def cached_content(paths: Sequence[Path], question: str, cache: Path, find: Callable[[], T], kind: type[T]) -> T:
    """What ``find`` returns for the files ``paths``, a dataclass of type ``kind``.

    The answer comes from ``cache`` if the same ``question`` was asked before, and no file's size, time of change or
    inode has changed since. Raises `SourceError` if a file changes while ``find`` runs, and `StoreError` if the cache
    cannot be written.
    """
    stamp = _stamp(paths)
    try:
        entry = read_json(_entry_path(paths, question, cache), _CacheEntry)
    except StoreError:
        entry = None
    if entry is not None and entry.stamp == stamp:
        return from_builtins(entry.content, kind)
    content = find()
    if _stamp(paths) != stamp:
        raise SourceError(f"{printable(paths[0])} changed while it was read. Try again when nothing writes to it.")
    cache_content(paths, question, cache, content)
    return content


def cache_content(paths: Sequence[Path], question: str, cache: Path, content: object) -> None:
    """Let `cached_content` answer with ``content`` until one of ``paths`` changes. Raises `StoreError` if the cache
    cannot be written."""
    try:
        write_json(_entry_path(paths, question, cache), _CacheEntry(_stamp(paths), to_builtins(content)))
    except StoreError as error:
        raise StoreError(
            f"Cannot write to the cache: {error.__cause__}. Name another folder in BENCH_CACHE."
        ) from error


def file_content(path: Path, cache: Path) -> Content:
    """The content of the file's own bytes. Raises what `cached_content` raises."""
    return cached_content([path], FILE, cache, lambda: Content(file_sha256(path), path.stat().st_size), Content)


def _entry_path(paths: Sequence[Path], question: str, cache: Path) -> Path:
    identity = hashlib.sha256(repr((question, *(path.resolve() for path in paths))).encode()).hexdigest()
    return cache / "contents" / f"{identity[:24]}.json"


def _stamp(paths: Sequence[Path]) -> str:
    facts = [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in (path.stat() for path in paths)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
