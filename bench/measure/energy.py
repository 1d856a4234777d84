"""The energy that processors and GPUs take while a process works, by their own counters.

Linux shows the counters of x86 processors, Intel's and AMD's, in `/sys/class/powercap`; those of NVIDIA's GPUs are
asked for through NVML, which comes with their driver. A counter is of a whole package or GPU, with whatever else runs
there.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
LOOK_SECONDS = 20.0
"""How often counters are read: a package that takes 500 W can run over within two minutes."""
NVML = "libnvidia-ml.so.1"
VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Energy:
    """What was taken, in joules; None where nothing tells. ``missing`` has the reasons, by the name of the field. A
    machine without an NVIDIA driver has no reason for its ``gpu_joules``."""

    cpu_joules: float | None = None
    gpu_joules: float | None = None
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Counter:
    """A counter of energy: ``read`` gives its state, in units of ``joules``. At ``limit`` it begins again at 0."""

    read: Callable[[], int]
    joules: float
    limit: int | None = None

    def taken(self, before: int, after: int) -> float:
        """The joules between two states, between which the counter began again once at most."""
        return self.joules * ((after - before) % self.limit if self.limit else after - before)


class UnreadableError(Exception):
    """There are counters that do not tell, for the reason that this says."""


def package_counters(powercap: Path) -> list[Counter]:
    """The counters of the processors' packages in the folder ``powercap``; what is within a package counts in it
    already. Raises `UnreadableError`."""
    zones = sorted(powercap.glob("intel-rapl:*"))  # intel-rapl-mmio would show the same packages once more
    folders = [folder for folder in zones if _text(folder / "name").startswith("package")]
    if not folders:
        raise UnreadableError("this system shows no counter of a processor's energy")
    return [_package_counter(folder) for folder in folders]


def _package_counter(folder: Path) -> Counter:
    def read() -> int:
        return int(_text(folder / "energy_uj"))

    read()
    return Counter(read, 1e-6, int(_text(folder / "max_energy_range_uj")))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read ({error.strerror})") from error


def gpu_counters(library: Any, visible: str | None) -> list[Counter]:
    """The counters of the GPUs that ``visible``, the value of CUDA_VISIBLE_DEVICES, lets a process use; None lets it
    use all. ``library`` is NVML. Raises `UnreadableError`."""

    def ask(name: str, *arguments: Any) -> None:
        status = getattr(library, name)(*arguments)
        if status != 0:
            raise UnreadableError(f"NVML: {name}: {library.nvmlErrorString(status).decode()}")

    def device(name: str) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        if name.isdecimal():
            ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(name)), ctypes.byref(handle))
        else:
            ask("nvmlDeviceGetHandleByUUID", name.encode(), ctypes.byref(handle))
        return handle

    def counter(handle: ctypes.c_void_p) -> Counter:
        def read() -> int:
            millijoules = ctypes.c_ulonglong()
            ask("nvmlDeviceGetTotalEnergyConsumption", handle, ctypes.byref(millijoules))
            return millijoules.value

        read()
        return Counter(read, 1e-3)

    library.nvmlErrorString.restype = ctypes.c_char_p
    ask("nvmlInit_v2")
    if visible is None:
        count = ctypes.c_uint()
        ask("nvmlDeviceGetCount_v2", ctypes.byref(count))
        names = [str(number) for number in range(count.value)]
    else:
        names = [name.strip() for name in visible.split(",") if name.strip()]
    return [counter(device(name)) for name in names]


def _gpu_counters_here() -> list[Counter]:
    try:
        library = ctypes.CDLL(NVML)
    except OSError:  # there is no driver
        return []
    return gpu_counters(library, os.environ.get(VISIBLE_GPUS))


SOURCES: Mapping[str, Callable[[], list[Counter]]] = {
    "cpu_joules": lambda: package_counters(POWERCAP),
    "gpu_joules": _gpu_counters_here,
}
"""Where the counters for each field of `Energy` come from."""


class Account:
    """What the counters of one field have shown since this was made: ``joules``, or why there are none, ``missing``."""

    def __init__(self, source: Callable[[], list[Counter]]) -> None:
        self.joules: float | None = None
        self.missing: str | None = None
        self._counters: list[Counter] = []
        try:
            self._counters = source()
            self._states = [counter.read() for counter in self._counters]
        except UnreadableError as error:
            self.missing = str(error)
        else:
            self.joules = 0.0 if self._counters else None

    def look(self) -> None:
        """Read the counters."""
        if self.joules is None:
            return
        try:
            states = [counter.read() for counter in self._counters]
        except UnreadableError as error:
            self.joules, self.missing = None, str(error)
        else:
            steps = zip(self._counters, self._states, states, strict=True)
            self.joules += sum(counter.taken(before, after) for counter, before, after in steps)
            self._states = states


class EnergyMeter:
    """Counts from its making on, in a thread that reads the counters so often that none begins again unseen."""

    def __init__(self, look_seconds: float = LOOK_SECONDS) -> None:
        self._accounts = {name: Account(source) for name, source in SOURCES.items()}
        self._look_seconds = look_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def energy(self) -> Energy:
        """What was taken so far. The meter stops."""
        self._over.set()
        self._thread.join()
        joules = {name: account.joules for name, account in self._accounts.items()}
        missing = {name: account.missing for name, account in self._accounts.items() if account.missing}
        return Energy(**joules, missing=missing)

    def _watch(self) -> None:
        over = False
        while not over:
            over = self._over.wait(self._look_seconds)
            for account in self._accounts.values():
                account.look()
