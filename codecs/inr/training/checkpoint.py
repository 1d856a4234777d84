"""What an interrupted training leaves on disk: named arrays, whole or absent."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.files import write_bytes

Arrays = dict[str, NDArray[Any]]


def save_checkpoint(path: Path, arrays: Arrays) -> None:
    """Write ``arrays`` so that a kill leaves this checkpoint or the one before."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    write_bytes(path, file.getvalue())


def load_checkpoint(path: Path) -> Arrays | None:
    """The arrays at ``path``; None if there are none that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
