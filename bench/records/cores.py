"""How many processor cores this process may use: by its affinity, and by the quota of its control groups."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

OWN_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def cores() -> int:
    """How many threads can run at once: a container with a quota of two cores on a machine of 64 has two."""
    quota = quota_cores(OWN_GROUPS, GROUPS)
    return allowed() if quota is None else max(1, min(allowed(), int(quota)))


def allowed() -> int:
    """How many cores this process may be scheduled on, whatever its quota."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota_cores(own_groups: Path, groups: Path) -> float | None:
    """The least quota of the control groups that this process is in, in cores; None if there is none. ``own_groups``
    is `/proc/self/cgroup`, ``groups`` is where control groups are mounted."""
    quotas = []
    for folder in _folders(own_groups, groups):
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
            if (folder / "cpu.max").exists():  # version 2
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            quotas.append(int(quota) / int(period))
    return min((quota for quota in quotas if quota > 0), default=None)  # version 1 writes -1 for no quota


def _folders(own_groups: Path, groups: Path) -> Iterator[Path]:
    """Where the quotas of this process's groups and of those above them stand. A container may see itself at the root
    of what is mounted, though its own group has a longer name."""
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            root = groups / controllers
            folder = root / name.lstrip("/")
            yield root
            yield from (place for place in (folder, *folder.parents) if root in place.parents)


SPINS, SHORT_WAIT = "GOMP_SPINCOUNT", "2000"
"""How often GNU's OpenMP looks before a thread falls asleep: some microseconds (results/benchmarks/contention.md).
Others have no such setting, and sleep at once."""
THREAD_COUNTS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


def threads() -> int:
    """How many threads the libraries of this process start: its cores, or fewer where the user or its task says so."""
    told = [os.environ.get(variable, "") for variable in THREAD_COUNTS]
    return min([cores(), *(int(count) for count in told if count.isdecimal())])


def suit_threads(environment: MutableMapping[str, str]) -> None:
    """Tell libraries, through the variables of a process's environment, to start no more threads than can run, and to
    let threads that wait soon fall asleep. What the user has set stays.

    By default OpenMP's threads spin while they wait. Beside other processes, each barrier then waits for a thread that
    waits for a core that spins, and a training step takes ten times as long and more. Threads that sleep at once make
    the steps of small networks on an idle machine twice as long.
    """
    if not {"OMP_WAIT_POLICY", SPINS} & environment.keys():
        environment.update({"OMP_WAIT_POLICY": "passive", SPINS: SHORT_WAIT})
    if cores() < allowed():  # else libraries find the number themselves
        for variable in THREAD_COUNTS:
            environment.setdefault(variable, str(cores()))
