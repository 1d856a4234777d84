"""Decoded frames in a form that other programs read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import StoreError
from . import ffmpeg
from .raw import RawVideo


def export(video: RawVideo, path: Path) -> None:
    """Write ``video`` to ``path``, in the form that its suffix names, whole or not at all."""
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as name:
            made = Path(name) / path.name
            WRITERS[path.suffix](video, made)
            made.replace(path)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error}.") from error


def _y4m(video: RawVideo, path: Path) -> None:
    # RGB keeps its full resolution of colour; 4:2:0 stays exactly as it was decoded.
    pixel_format = "yuv444p" if video.format.pixel_format == "rgb24" else "yuv420p"
    output = ffmpeg.raw_input(video).output(str(path), format="yuv4mpegpipe", pix_fmt=pixel_format)
    ffmpeg.run(output, f"Writing {path.name}")


def _raw(video: RawVideo, path: Path) -> None:
    shutil.copyfile(video.path, path)


WRITERS: dict[str, Callable[[RawVideo, Path], None]] = {".y4m": _y4m, ".raw": _raw}
