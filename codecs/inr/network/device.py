"""The device on which networks run, and what it is good at."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""The numbers of two options of glibc's mallopt(3)."""


def best_device() -> torch.device:
    """The first GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@functools.cache
def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether convolutions are faster in bfloat16 than in float32.

    Among CPUs, this holds for those with AMX, and for AMD's with AVX512-BF16. On Intel's with AVX512-BF16 but without
    AMX, bfloat16 is slower: a training step of NeRV-S at 1280x720 takes 2.9 s instead of 2.2 s.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    path = Path("/proc/cpuinfo")
    facts = path.read_text(encoding="utf-8") if path.exists() else ""
    return "amx_bf16" in facts or ("avx512_bf16" in facts and "AuthenticAMD" in facts)


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, and use it again, instead of returning it to the kernel.

    A training step at 1280x720 frees gigabytes and asks for them again; without this, a third of its time goes into
    getting each page anew. This works with glibc only; elsewhere nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
