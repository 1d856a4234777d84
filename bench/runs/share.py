"""Which part of the machine a codec's process gets."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError
from ..records.cores import THREAD_COUNTS, allowed, cores

CAN_PIN = hasattr(os, "sched_setaffinity")
GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Share:
    """``cpus`` are the processors that the process may run on, ``threads`` is how many threads its libraries start,
    ``gpus`` is the value of CUDA_VISIBLE_DEVICES; None leaves each as this process has it. ``beside`` is up to how
    many other encoders of the same run work at the same time."""

    cpus: tuple[int, ...] | None = None
    threads: int | None = None
    gpus: str | None = None
    beside: int = 0

    def environment(self) -> dict[str, str]:
        """The variables that tell a process of its share. A number of threads that the user set is not exceeded."""
        told = {} if self.cpus is None else {"BENCH_CPUS": ",".join(map(str, self.cpus))}
        if self.gpus is not None:
            told[GPUS] = self.gpus
        if self.threads is not None:
            for variable in THREAD_COUNTS:
                before = os.environ.get(variable, "")
                told[variable] = str(min(self.threads, int(before)) if before.isdecimal() else self.threads)
        return told


WHOLE = Share()


def one_core() -> Share:
    """A single processor, where a process can be bound to one (`CAN_PIN`)."""
    return Share((min(os.sched_getaffinity(0)),), 1) if CAN_PIN else WHOLE


def take_share() -> None:
    """Bind this process, and all that it will start, to the processors that `Share.environment` named."""
    cpus = os.environ.get("BENCH_CPUS")
    if cpus and CAN_PIN:
        os.sched_setaffinity(0, set(map(int, cpus.split(","))))


def shares(jobs: int, devices: Sequence[str] = ()) -> list[Share]:
    """The machine, divided among so many encoders: their cores, and, in turn, ``devices`` as `visible_gpus` names them.

    Where a quota allows fewer cores than the machine has, encoders share its cores and only their threads are counted:
    other users' processes run on the same ones.
    """
    if jobs == 1:
        return [Share(gpus=devices[0] if devices else None)]
    threads = max(1, cores() // jobs)
    own = sorted(os.sched_getaffinity(0)) if CAN_PIN and cores() == allowed() else []
    return [
        Share(
            cpus=tuple(own[number::jobs]) or (own[number % len(own)],) if own else None,
            threads=max(1, len(own[number::jobs])) if own else threads,
            gpus=devices[number % len(devices)] if devices else None,
            beside=jobs - 1,
        )
        for number in range(jobs)
    ]


def visible_gpus(devices: Sequence[str], count: int) -> list[str]:
    """The value of CUDA_VISIBLE_DEVICES for each of ``devices``, such as ``cuda:1`` or ``cpu``, on a machine where a
    process sees ``count`` GPUs. Raises `UsageError` for one that there is not."""
    seen = os.environ[GPUS].split(",") if os.environ.get(GPUS) else [str(number) for number in range(count)]
    values = []
    for device in devices:
        kind, _, number = device.partition(":")
        if device == "cpu":
            values.append("")
        elif kind == "cuda" and number.isdecimal() and int(number) < count:
            values.append(seen[int(number)])
        else:
            there = ", ".join(["cpu", *(f"cuda:{number}" for number in range(count))])
            raise UsageError(f"There is no device {device!r}. This machine has {there}.")
    return values
