"""The checkpoints of a training: named arrays in a file that is whole or absent."""

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
    """Write ``arrays`` to ``path``. If the process is killed meanwhile, this checkpoint or the one before is there.

    Raises `StoreError` if the file cannot be written.
    """
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    write_bytes(path, file.getvalue())


def load_checkpoint(path: Path) -> Arrays | None:
    """The arrays in the checkpoint at ``path``; None if there is none that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
