"""What else a machine did while a process was timed."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
BUSY = (0, 1, 2, 5, 6, 7)
"""The columns of `/proc/stat` that count work: user, nice, system, interrupts, and what a hypervisor took."""


class LoadMeter:
    """Counts, from its making on, what the cores that this process may use do besides this process."""

    def __init__(self) -> None:
        self._start = (time.monotonic(), _busy_seconds())

    def other_load(self, own_cpu_seconds: float) -> float | None:
        """How many of the cores were busy with other work, on average, if this process and its children used so many
        seconds of them; None where the system does not tell."""
        seconds, now = time.monotonic() - self._start[0], _busy_seconds()
        if now is None or self._start[1] is None or seconds <= 0:
            return None
        return max(0.0, (now - self._start[1] - own_cpu_seconds) / seconds)


def _busy_seconds() -> float | None:
    """The seconds for which the cores that this process may use have been busy since the machine started, summed."""
    if not STAT.exists() or not hasattr(os, "sched_getaffinity"):
        return None
    allowed = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    lines = (line.split() for line in STAT.read_text(encoding="utf-8").splitlines())
    ticks = [int(words[1 + column]) for words in lines if words[0] in allowed for column in BUSY if len(words) > 8]
    return sum(ticks) / os.sysconf("SC_CLK_TCK")
