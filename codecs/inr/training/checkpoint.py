"""The checkpoints of a training: named arrays in a file that is whole or absent, and that only the same training reads.

The file is a line that names the format, a line with the SHA-256 of what follows, a line that says of which training it
is, and an archive in numpy's form.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import StoreError
from bench.files import write_bytes

Arrays = dict[str, NDArray[Any]]

FORMAT = b"implicit-video-bench checkpoint 1\n"


@dataclass(frozen=True)
class Checkpoint:
    """The file ``path`` of the training that the line of text ``training`` tells from all others."""

    path: Path
    training: str

    def save(self, arrays: Arrays) -> None:
        """Write ``arrays``. If the process is killed meanwhile, this checkpoint or the one before is there. Raises
        `StoreError` if the file cannot be written."""
        archive = io.BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        content = self.training.encode() + b"\n" + archive.getvalue()
        write_bytes(self.path, FORMAT + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)

    def load(self) -> Arrays | None:
        """The arrays that were saved; None if there is no file. Raises `StoreError`, which says why, if there is one
        that cannot be read or is of another training."""
        try:
            held = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"The checkpoint {self.path.name} cannot be read: {error}.") from error
        if not held.startswith(FORMAT):
            kind = "no checkpoint, or one of another format" if held else "empty"
            raise StoreError(f"The checkpoint {self.path.name} is {kind}.")
        digest, _, content = held[len(FORMAT) :].partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise StoreError(f"The checkpoint {self.path.name} is damaged or cut off.")
        training, _, archive = content.partition(b"\n")
        if training != self.training.encode():
            raise StoreError(f"The checkpoint {self.path.name} is of {training.decode()}, not of {self.training}.")
        with np.load(io.BytesIO(archive)) as arrays:
            return dict(arrays)
