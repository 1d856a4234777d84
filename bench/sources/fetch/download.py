"""Downloading a large file over HTTP, going on from where an earlier attempt stopped."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ...errors import SourceError

BLOCK = 1 << 16
"""The bytes that are received and written at once. A connection that breaks loses at most so many."""
TIMEOUT_SECONDS = 30.0
"""How long the server may send nothing."""
ATTEMPTS = 4
WAIT_SECONDS = 2.0
"""The wait before the second attempt. Before each later attempt it is twice as long."""


class ResumableDownloader:
    """A downloader for pooch, whose own downloaders begin anew after a failure.

    The bytes received so far lie in the file ``part``, and stay there when a download fails. ``size_bytes`` is the
    size of the whole file: if a server offers something else, an error page for instance, nothing is received.
    ``name`` is what messages call the file.
    """

    def __init__(self, part: Path, size_bytes: int, name: str) -> None:
        self.part = part
        self.size_bytes = size_bytes
        self.name = name

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        """Download ``url`` and move it to the path ``output_file``.

        Raises `SourceError` if the last attempt fails, or if the server does not offer this file.
        """
        with _progress_bar() as progress:
            task = progress.add_task(self.name, total=self.size_bytes, completed=self.received_bytes)
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    self._receive(url, lambda: progress.update(task, completed=self.received_bytes))
                    break
                except requests.RequestException as error:
                    if attempt == ATTEMPTS:
                        raise self._error(url, f"{error}") from error
                    time.sleep(WAIT_SECONDS * 2 ** (attempt - 1))
        shutil.move(self.part, output_file)

    @property
    def received_bytes(self) -> int:
        """The bytes that this and earlier downloads have received."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _receive(self, url: str, progressed: Any) -> None:
        """Append the bytes that are missing to ``part``. Calls ``progressed`` after each block.

        Raises `requests.RequestException` if the connection fails, and `SourceError` if another attempt would not
        help.
        """
        if self.received_bytes > self.size_bytes:
            self.part.unlink()
        if (start := self.received_bytes) == self.size_bytes:
            return
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
            if response.status_code >= 500:
                response.raise_for_status()
            if response.status_code not in (200, 206):
                raise self._error(url, f"the server answered {response.status_code} {response.reason}")
            if response.status_code == 200:
                start = 0  # The server cannot send a range, and sends the whole file.
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise self._error(
                    url, f"the server sent {response.headers.get('Content-Range')}, not from byte {start}"
                )
            length = response.headers.get("Content-Length")
            kind = response.headers.get("Content-Type", "")
            if kind.startswith("text/") or (length is not None and start + int(length) != self.size_bytes):
                offer = f"{start + int(length):,} bytes" if length is not None else "a file"
                raise self._error(url, f"the server has {offer} of type {kind or 'unknown'}")
            with self.part.open("ab" if start else "wb") as file:
                for block in response.iter_content(BLOCK):
                    file.write(block)
                    progressed()
                    if file.tell() > self.size_bytes:
                        break
        if self.received_bytes > self.size_bytes:
            self.part.unlink()
            raise self._error(url, "the server sent more")
        if self.received_bytes < self.size_bytes:
            raise requests.ConnectionError(f"the connection ended after {self.received_bytes:,} bytes")

    def _error(self, url: str, reason: str) -> SourceError:
        kept = f" {self.received_bytes:,} bytes are kept; run again to go on." if self.received_bytes else ""
        return SourceError(
            f"{self.name}: downloading {url} failed: {reason}; expected {self.size_bytes:,} bytes.{kept}"
        )


def _progress_bar() -> Progress:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))
