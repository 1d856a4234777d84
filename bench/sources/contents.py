"""What large files hold, found out once and remembered for as long as they stay untouched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SourceError, StoreError
from ..files import Content, file_sha256, read_json, write_json
from ..video.paths import printable

FILE = "file"
"""Asks for the file's own bytes."""


@dataclass(frozen=True)
class _CacheEntry:
    stamp: str
    content: Content


def cached_content(paths: Sequence[Path], question: str, cache: Path, find: Callable[[], Content]) -> Content:
    """What ``find`` says of ``paths``, or said before if since then no size or time of change of them did.

    ``question`` tells apart what is asked of the same files. Raises `SourceError` if they change meanwhile.
    """
    stamp = _stamp(paths)
    try:
        known = read_json(_entry_path(paths, question, cache), _CacheEntry)
    except StoreError:
        known = None
    if known is not None and known.stamp == stamp:
        return known.content
    content = find()
    if _stamp(paths) != stamp:
        raise SourceError(f"{printable(paths[0])} changed while it was read. Try again when nothing writes to it.")
    cache_content(paths, question, cache, content)
    return content


def cache_content(paths: Sequence[Path], question: str, cache: Path, content: Content) -> None:
    """Have `cached_content` say this of ``paths`` as they are now."""
    try:
        write_json(_entry_path(paths, question, cache), _CacheEntry(_stamp(paths), content))
    except StoreError as error:
        raise StoreError(
            f"Cannot write to the cache: {error.__cause__}. Name another folder in BENCH_CACHE."
        ) from error


def file_content(path: Path, cache: Path) -> Content:
    """Of the file itself."""
    return cached_content([path], FILE, cache, lambda: Content(file_sha256(path), path.stat().st_size))


def _entry_path(paths: Sequence[Path], question: str, cache: Path) -> Path:
    identity = hashlib.sha256(repr((question, *(path.resolve() for path in paths))).encode()).hexdigest()
    return cache / "contents" / f"{identity[:24]}.json"


def _stamp(paths: Sequence[Path]) -> str:
    facts = [(stat.st_size, stat.st_mtime_ns, stat.st_ino) for stat in (path.stat() for path in paths)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
