"""Writing decoded frames in a format that other programs read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import StoreError
from . import colour
from .colour import Matrix
from .paths import printable
from .raw import RawVideo
from .y4m import write_y4m


def export(video: RawVideo, matrix: Matrix, path: Path) -> None:
    """Write ``video`` to ``path``, whole or not at all, in the format that the suffix of ``path`` names (`WRITERS`).

    ``matrix`` is the one that converts RGB back to YUV. Raises `StoreError` if the file cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as name:
            unfinished = Path(name) / path.name
            WRITERS[path.suffix](video, matrix, unfinished)
            unfinished.replace(path)
    except OSError as error:
        raise StoreError(f"Cannot write {printable(path)}: {error}.") from error


def _y4m(video: RawVideo, matrix: Matrix, path: Path) -> None:
    # 4:4:4 keeps the full colour resolution of RGB. YUV stays exactly as it was decoded.
    if video.format.pixel_format == "rgb24":
        video = colour.convert(video, "yuv444p", path.with_suffix(".yuv"), matrix)
    write_y4m(video, path)


def _raw(video: RawVideo, matrix: Matrix, path: Path) -> None:
    shutil.copyfile(video.path, path)


WRITERS: dict[str, Callable[[RawVideo, Matrix, Path], None]] = {".y4m": _y4m, ".raw": _raw}
"""The function that writes each suffix."""
