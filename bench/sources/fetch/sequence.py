"""Fetching a sequence: from an archive on a server to a verified video on disk."""

from __future__ import annotations

import datetime
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
from filelock import FileLock

from ...errors import SourceError, StoreError, ToolError
from ...files import file_sha256, read_json, swept_folder, write_json
from ...video.paths import printable
from .download import ResumableDownloader

Extractor = Callable[[Path, str, int, Path], None]
"""`archive.extract_only`: it takes the archive, the suffix and the size in bytes of the file in it, and the output."""


@dataclass(frozen=True)
class Archive:
    """A 7z archive of ``size_bytes`` at ``url``, with one raw video of ``target_bytes``, which becomes the file
    ``target``.

    ``name`` is what messages call it. ``sha256`` is the digest of the archive in hexadecimal; None if none was
    published.
    """

    name: str
    url: str
    size_bytes: int
    sha256: str | None
    target: Path
    target_bytes: int

    @property
    def workshop(self) -> Path:
        """The folder for files that are not finished yet."""
        return self.target.parent / ".fetching"

    @property
    def path(self) -> Path:
        """The file of the archive, which is deleted when the video has been extracted."""
        return self.workshop / self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Fetched:
    """A note of what was downloaded: the digests of the archive and of the video in it, in hexadecimal, and the day,
    as in 2024-12-31."""

    url: str
    archive_sha256: str
    sha256: str
    fetched: str


def fetched(archive: Archive) -> Fetched | None:
    """The note that `fetch_sequence` left beside the target; None if there is none. Raises `StoreError` if it cannot
    be read."""
    path = _note_path(archive)
    return read_json(path, Fetched) if path.exists() else None


def fetch_sequence(archive: Archive) -> None:
    """Download the archive, check it, extract the video and check that. The target has its name only when it is whole.

    A target that is there already is left alone. Processes that fetch the same one wait for each other. Raises
    `SourceError` if the server does not send the archive or it is not the expected one, `StoreError` if the disk is
    full or cannot be written, and `ToolError`, before anything is downloaded, if py7zr is not installed.
    """
    folder = archive.target.parent
    try:
        archive.workshop.mkdir(parents=True, exist_ok=True)
        with FileLock(archive.workshop / f"{archive.target.name}.lock"):
            if archive.target.exists():
                _check_size(archive)
                print(f"{archive.name}: {printable(archive.target)} is there.", file=sys.stderr)
                return
            extract = _load_extractor(archive)
            part = archive.path.with_name(f"{archive.path.name}.part")
            _check_space(archive, part)
            earlier = fetched(archive)
            expected_sha256 = archive.sha256 or (earlier.archive_sha256 if earlier else None)
            _download(archive, part, expected_sha256)
            digest = file_sha256(archive.path)
            with swept_folder(archive.workshop, f"extracting-{archive.target.name}") as folder_of_parts:
                extracted = folder_of_parts / archive.target.name
                _extract(archive, extract, extracted)
                today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
                write_json(_note_path(archive), Fetched(archive.url, digest, file_sha256(extracted), today))
                extracted.replace(archive.target)
            archive.path.unlink()
    except OSError as error:
        raise StoreError(
            f"{archive.name}: cannot write to {printable(folder)}: {error}. Free some space, or name another folder "
            "with --data-root; then run again to go on."
        ) from error
    remark = "" if expected_sha256 else " (none was published; this one is noted and will be expected from now on)"
    print(f"{archive.name}: {printable(archive.target)}; archive sha256 {digest}{remark}", file=sys.stderr)


def _load_extractor(archive: Archive) -> Extractor:
    """`extract_only`, whose file imports py7zr, which is optional. Raises `ToolError` if py7zr is not installed."""
    try:
        from .archive import extract_only
    except ImportError as error:
        raise ToolError(
            f"{archive.name}: unpacking it needs py7zr. Install it with: pip install 'implicit-video-bench[fetch]'"
        ) from error
    return extract_only


def _download(archive: Archive, part: Path, expected_sha256: str | None) -> None:
    if archive.path.exists():  # An earlier extraction was interrupted.
        whole = archive.path.stat().st_size == archive.size_bytes
        if whole and expected_sha256 in (None, file_sha256(archive.path)):
            return
        archive.path.unlink()
    downloader = ResumableDownloader(part, archive.size_bytes, archive.name)
    pooch.get_logger().setLevel("WARNING")
    try:
        known_hash = f"sha256:{expected_sha256}" if expected_sha256 else None
        pooch.retrieve(archive.url, known_hash, archive.path.name, archive.path.parent, downloader=downloader)
    except ValueError as error:
        raise SourceError(f"{archive.name}: what {archive.url} sent is not what was published. {error}") from error


def _extract(archive: Archive, extract: Extractor, extracted: Path) -> None:
    try:
        extract(archive.path, archive.target.suffix, archive.target_bytes, extracted)
    except SourceError as error:
        archive.path.unlink()
        raise SourceError(f"{archive.name}: {error} It was deleted; run again to download it anew.") from error


def _note_path(archive: Archive) -> Path:
    return archive.target.with_name(f"{archive.target.name}.json")


def _check_size(archive: Archive) -> None:
    size_bytes = archive.target.stat().st_size
    if size_bytes != archive.target_bytes:
        raise SourceError(
            f"{archive.name}: {printable(archive.target)} has {size_bytes:,} bytes, expected "
            f"{archive.target_bytes:,}. Move it away, and run again to download it."
        )


def _check_space(archive: Archive, part: Path) -> None:
    received_bytes = part.stat().st_size if part.exists() else 0
    needed = archive.size_bytes - received_bytes + archive.target_bytes
    free = shutil.disk_usage(archive.target.parent).free
    if needed > free:
        raise StoreError(
            f"{archive.name}: the archive and the video need {needed / 2**30:.2f} GiB; "
            f"{printable(archive.target.parent)} has {free / 2**30:.2f} free. Free some, or name another folder with "
            "--data-root."
        )
