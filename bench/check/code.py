"""A code to be timed: this one, that of a commit, or what another Python has installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..dataset import DATA_ROOT_VARIABLE
from ..errors import UsageError
from ..sources.cache import cache_folder

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
LOCATE = "import bench, pathlib; print(pathlib.Path(bench.__file__).resolve().parents[1])"


@dataclass(frozen=True)
class Code:
    """What ``python -m bench`` runs when ``folder`` goes first on Python's path; None leaves it what ``python`` has
    installed. ``name`` is for people to read."""

    name: str
    python: Path
    folder: Path | None

    def run(self, arguments: Sequence[str], where: Path) -> subprocess.CompletedProcess[bytes]:
        """Run ``python`` with ``arguments`` in the folder ``where``, which must hold no code, to its end. Raises
        `UsageError` if it cannot be started."""
        try:
            return subprocess.run(
                [str(self.python), *arguments],
                cwd=where,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise UsageError(f"Cannot start {self.python}: {error.strerror}. Name a Python interpreter.") from error

    def locate(self, where: Path) -> Path:
        """The folder that the package is imported from, as its own process says. Raises `UsageError` if there is
        none."""
        asked = self.run(["-c", LOCATE], where)
        if asked.returncode:
            raise UsageError(f"{self.name} has no benchmark that can be run: {last_line(asked.stderr)}")
        return Path(os.fsdecode(asked.stdout.rstrip(b"\n")))

    def _environment(self) -> dict[str, str]:
        """That of this process, without other copies of the benchmark on Python's path. Paths in it are made absolute,
        since the process works in another folder; both codes thereby find the same sources and the same clips."""
        entries = [Path(entry).absolute() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        others = [entry for entry in entries if not (entry / "bench" / "__main__.py").exists()]
        paths = [*([self.folder] if self.folder else []), *others]
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "BENCH_CACHE": str(cache_folder().absolute()),
            DATA_ROOT_VARIABLE: str(Path(os.environ.get(DATA_ROOT_VARIABLE, "data")).absolute()),
        }


def this_code() -> Code:
    """The code that is running."""
    return Code("this code", Path(sys.executable), PACKAGE_PARENT)


def installed(python: Path) -> Code:
    """The code that another Python has installed."""
    return Code(str(python), python.absolute(), None)


@contextmanager
def of_commit(ref: str) -> Iterator[Code]:
    """The code of a commit of the checkout that this code runs from, unpacked to a folder that is gone in the end. The
    checkout itself is only read.

    Raises `UsageError` if this code does not run from a checkout, or if that has no such commit.
    """
    if not (PACKAGE_PARENT / ".git").exists():
        raise UsageError(
            f"There is no commit {ref}: {PACKAGE_PARENT} is no git checkout. "
            "Install the code to compare with beside this one and name its Python with --against-python."
        )
    with tempfile.TemporaryDirectory(prefix="bench-commit-") as name:
        archive, folder = Path(name) / "code.zip", Path(name).resolve() / "code"
        try:
            commit = _git("rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip()
            _git("archive", "--format=zip", f"--output={archive}", commit)
            shutil.unpack_archive(archive, folder)
        except subprocess.CalledProcessError as error:
            raise UsageError(
                f"There is no commit {ref} in {PACKAGE_PARENT}: {last_line(error.stderr)}. "
                "A shallow clone lacks old commits: git fetch --unshallow."
            ) from error
        except OSError as error:
            raise UsageError(f"Cannot unpack {ref}: {error}.") from error
        archive.unlink()
        yield Code(ref, Path(sys.executable), folder)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(PACKAGE_PARENT), *arguments], check=True, capture_output=True).stdout


def last_line(output: bytes) -> str:
    """The last line of what a process printed that is not empty, for a message."""
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
