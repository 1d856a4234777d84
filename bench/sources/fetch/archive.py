"""Taking one file out of a 7z archive, whatever folder the archive has it in."""

from __future__ import annotations

import errno
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from ...errors import SourceError
from ...video.paths import printable

FULL_OR_FORBIDDEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)
"""The errors of the disk that is written to, which say nothing about the archive."""


def extract_only(archive: Path, suffix: str, size_bytes: int, output: Path) -> None:
    """Write the one file in ``archive`` whose name ends in ``suffix`` to ``output``. It must have ``size_bytes``.

    Nothing else is written, and no path in the archive is followed. Raises `SourceError` for an archive that is
    damaged, that holds no such file, several or one of another size, or that holds a path that leads out of its
    folder. Raises `OSError` if ``output`` cannot be written.
    """
    try:
        with py7zr.SevenZipFile(archive, "r") as opened:
            name = _name_of_only(opened, archive, suffix, size_bytes)
            with output.open("wb") as file:
                opened.extract(targets=[name], factory=_WriterFactory(file, size_bytes))
    except SourceError:
        raise
    except Exception as error:  # For damaged archives py7zr raises whatever its decoders raise.
        if isinstance(error, OSError) and error.errno in FULL_OR_FORBIDDEN:
            raise
        raise SourceError(f"{archive.name} is damaged: {type(error).__name__}: {error}.") from error
    extracted_bytes = output.stat().st_size
    if extracted_bytes != size_bytes:
        raise SourceError(
            f"{archive.name} is damaged: {extracted_bytes:,} bytes came out of it, expected {size_bytes:,}."
        )


def _name_of_only(opened: py7zr.SevenZipFile, archive: Path, suffix: str, size_bytes: int) -> str:
    """The name of the one file with this suffix and size. Raises `SourceError` if there is no such file."""
    members = opened.list()
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise SourceError(f"{archive.name} holds the path {member.filename!r}, which leads out of its folder.")
    videos = [member for member in members if member.filename.lower().endswith(suffix) and not member.is_directory]
    if len(videos) != 1:
        names = ", ".join(printable(member.filename) for member in videos or members) or "nothing"
        raise SourceError(f"{archive.name} must hold one {suffix} file; it holds {len(videos)}: {names}.")
    (video,) = videos
    if video.uncompressed != size_bytes:
        raise SourceError(
            f"{archive.name}: {printable(video.filename)} has {video.uncompressed:,} bytes, expected {size_bytes:,}."
        )
    return str(video.filename)


class _WriterFactory(WriterFactory):
    """Makes py7zr write what it extracts to an open file, and no more than ``limit_bytes``."""

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self.file = file
        self.limit_bytes = limit_bytes

    def create(self, filename: str) -> Py7zIO:
        return _Writer(self.file, self.limit_bytes)


class _Writer(Py7zIO):
    """An open file, with the methods that py7zr calls."""

    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self.file = file
        self.limit_bytes = limit_bytes

    def write(self, s: bytes | bytearray) -> int:
        if self.file.tell() + len(s) > self.limit_bytes:
            raise SourceError(f"An archive holds more than the {self.limit_bytes:,} bytes that it states.")
        return self.file.write(s)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0  # py7zr rewinds a file after writing it, for those who read it back.

    def flush(self) -> None:
        self.file.flush()

    def size(self) -> int:
        return self.file.tell()
