"""The machine and the software under which a cell ran."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("torch", "numpy", "scipy", "fvcore", "pytorch-msssim", "ffmpeg-python", "imageio-ffmpeg", "numba")


@dataclass(frozen=True)
class Environment:
    """``git_commit`` ends in ``+`` if files differed from it. ``load`` is the one-minute average
    when the cell began: a timing without it says little."""

    cpu: str
    cores: int
    memory_bytes: int
    gpu: str | None
    system: str
    python: str
    bench: str
    packages: dict[str, str]
    git_commit: str | None
    load: float


def describe() -> Environment:
    """This machine, now."""
    import torch  # here, so that reading records does not need it

    from .. import __version__

    return Environment(
        cpu=_cpu(),
        cores=cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        system=platform.platform(),
        python=platform.python_version(),
        bench=__version__,
        packages={name: importlib.metadata.version(name) for name in PACKAGES},
        git_commit=git_commit(),
        load=os.getloadavg()[0],
    )


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _cpu() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@functools.cache
def git_commit() -> str | None:
    """The commit of the checkout that this package runs from; None where it is installed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        return commit + ("+" if _git(root, "status", "--porcelain").strip() else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout
