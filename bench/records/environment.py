"""The machine and the software under which a cell ran."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..version import __version__
from .cores import cores

PACKAGES = ("torch", "numpy", "scipy", "fvcore", "pytorch-msssim", "ffmpeg-python", "imageio-ffmpeg", "numba")


GENERIC_NAMES = frozenset({"", "arm", "arm64", "aarch64", "i386", "i686", "x86_64", "amd64", "unknown processor"})
"""What systems call a processor whose name they do not tell."""


@dataclass(frozen=True)
class Environment:
    """``git_commit`` ends in ``+`` if files differed from it. ``load`` is the one-minute average
    when the cell began: a timing without it says little. ``instruction_sets`` are those of the processor's that
    decide how encoders and networks compute, and so, for some, their last bits. ``host`` tells machines apart that
    have the same processor: a digest of its name."""

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
    instruction_sets: list[str] = field(default_factory=list)
    host: str = ""

    @property
    def machine(self) -> str:
        """What decides timings, in words: two environments with the same words may share a table of times. A processor
        without a name of its own counts as the same on one host only."""
        cpu = self.cpu
        if cpu.lower() in GENERIC_NAMES:
            cpu = f"{cpu or 'an unnamed processor'} (host {self.host or 'unknown'})"
        device = f" and {self.gpu}" if self.gpu else ""
        return f"{self.cores} cores of {cpu}{device}"


def describe() -> Environment:
    """This machine, now."""
    import torch  # here, so that reading records does not need it

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
        instruction_sets=instruction_sets(),
        host=hashlib.sha256(platform.node().encode()).hexdigest()[:12],
    )


INSTRUCTION_SETS = (
    *("sse4_2", "avx", "fma", "avx2", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile"),
    *("asimd", "asimddp", "bf16", "i8mm", "sve", "sve2"),
)
"""The names, as Linux has them, of sets for which encoders and numerical libraries have code of their own."""


@functools.cache
def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; nothing on other systems."""
    path = Path("/proc/cpuinfo")
    first = path.read_text(encoding="utf-8").partition("\n\n")[0] if path.exists() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


@functools.cache
def _cpu() -> str:
    """The processor's name. ARM's has none on Linux, only the numbers of its maker and its model."""
    facts = _cpuinfo()
    if "model name" in facts:
        return facts["model name"]
    if "CPU part" in facts:
        return f"{platform.machine()} implementer {facts.get('CPU implementer', '?')} part {facts['CPU part']}"
    if sys.platform == "darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if name := asked.stdout.strip():
            return name
    return platform.processor() or platform.machine() or "unknown processor"


@functools.cache
def instruction_sets() -> list[str]:
    """Those of `INSTRUCTION_SETS` that this processor has, as far as the system tells."""
    facts = _cpuinfo()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    return [name for name in INSTRUCTION_SETS if name in flags]


@functools.cache
def git_commit() -> str | None:
    """The commit of the checkout that this package runs from; None where it is installed.

    It is looked up once in a process, which must ask while the files are still those that it imported: at its start.
    """
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
