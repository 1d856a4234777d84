"""Joules, on machines that are planted."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.measure import energy
from bench.measure.energy import Counter, EnergyMeter, UnreadableError, gpu_counters, package_counters


class Machine:
    """A planted folder of counters, in place of the machine's own, with no GPU."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        monkeypatch.setattr(energy, "POWERCAP", folder)
        monkeypatch.setattr(energy, "NVML", "no such library")

    def zone(self, number: str, name: str, microjoules: int, largest: int = 1_000_000_000) -> None:
        folder = self.folder / f"intel-rapl:{number}"
        folder.mkdir(exist_ok=True)
        (folder / "name").write_text(f"{name}\n")
        (folder / "energy_uj").write_text(f"{microjoules}\n")
        (folder / "max_energy_range_uj").write_text(f"{largest}\n")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One without counters yet."""
    return Machine(tmp_path, monkeypatch)


def test_packages_are_summed_and_nothing_within_them(machine: Machine) -> None:
    """2 J and 3 J of two packages. Their cores are in that, the whole machine's zone is more than that, and an
    interface that shows a package twice counts once."""
    zones = {"0": "package-0", "0:0": "core", "1": "package-1", "2": "psys"}
    for number, name in zones.items():
        machine.zone(number, name, 1_000_000)
    again = machine.folder / "intel-rapl-mmio:0"
    again.mkdir()
    (again / "name").write_text("package-0\n")
    meter = EnergyMeter()
    for (number, name), microjoules in zip(zones.items(), (3_000_000, 2_900_000, 4_000_000, 99_000_000), strict=True):
        machine.zone(number, name, microjoules)
    taken = meter.energy()
    assert taken.cpu_joules == pytest.approx(5)
    assert (taken.gpu_joules, taken.missing) == (None, {})


def test_a_counter_that_begins_again(machine: Machine) -> None:
    """From 9 J over 10 J, where it is 0 again, to 4 J."""
    machine.zone("0", "package-0", 9_000_000, 10_000_000)
    meter = EnergyMeter()
    machine.zone("0", "package-0", 4_000_000, 10_000_000)
    assert meter.energy().cpu_joules == pytest.approx(5)


def test_a_counter_that_begins_again_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read while work goes on: 4 J four times, of which the first and the last state alone would show 6."""
    states, all_seen = [6, 2, 8, 4, 0], threading.Event()

    def read() -> int:
        if len(states) == 1:
            all_seen.set()
            return states[0]
        return states.pop()

    monkeypatch.setattr(energy, "SOURCES", {"cpu_joules": lambda: [Counter(read, 1.0, 10)]})
    meter = EnergyMeter(look_seconds=0.001)
    assert all_seen.wait(60)
    assert meter.energy().cpu_joules == 16


def test_no_counter(machine: Machine) -> None:
    """A reason, and no zero."""
    (machine.folder / "dtpm").mkdir()
    taken = EnergyMeter().energy()
    assert taken.cpu_joules is None
    assert taken.missing == {"cpu_joules": "this system shows no counter of a processor's energy"}


def test_a_counter_that_may_not_be_read(machine: Machine) -> None:
    """Also where it may be read no longer, and where one of two may be read: half of a machine is no number."""
    machine.zone("0", "package-0", 1_000_000)
    machine.zone("1", "package-1", 1_000_000)
    meter = EnergyMeter()
    closed = machine.folder / "intel-rapl:1" / "energy_uj"
    closed.unlink()
    closed.mkdir()  # even root cannot read a folder as a file
    for taken in (meter.energy(), EnergyMeter().energy()):
        assert taken.cpu_joules is None
        assert taken.missing == {"cpu_joules": f"{closed} cannot be read (Is a directory)"}


def test_the_machine_itself() -> None:
    """Whatever this one has: joules that are not negative, or a reason."""
    taken = EnergyMeter().energy()
    assert taken.missing["cpu_joules"] if taken.cpu_joules is None else taken.cpu_joules >= 0


def nvml(millijoules: dict[int, int], status: int = 0) -> Any:
    """NVML on a machine with two GPUs, 11 and 12, of which the second is called GPU-b. ``status`` is its answer to what
    a GPU has taken."""

    def put(pointer: Any, value: int, answer: int = 0) -> int:
        pointer._obj.value = value
        return answer

    def consumption(handle: Any, pointer: Any) -> int:
        return put(pointer, millijoules[handle.value], status)

    return SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetCount_v2=lambda count: put(count, 2),
        nvmlDeviceGetHandleByIndex_v2=lambda index, handle: put(handle, 11 + index.value),
        nvmlDeviceGetHandleByUUID=lambda name, handle: put(handle, 12, 0 if name == b"GPU-b" else 6),
        nvmlDeviceGetTotalEnergyConsumption=consumption,
        nvmlErrorString=lambda status: {3: b"Not Supported", 6: b"Not Found"}[status],
    )


@pytest.mark.parametrize(("visible", "expected"), [(None, [7, 9]), ("", []), ("1", [9]), ("GPU-b,0", [9, 7])])
def test_gpus_that_a_process_may_use(visible: str | None, expected: list[float]) -> None:
    """By number or by name; 7 J of the first and 9 J of the second."""
    millijoules = {11: 1_000_000, 12: 5_000_000}
    counters = gpu_counters(nvml(millijoules), visible)
    before = [counter.read() for counter in counters]
    millijoules |= {11: 1_007_000, 12: 5_009_000}
    after = [counter.read() for counter in counters]
    taken = [counter.taken(*states) for counter, *states in zip(counters, before, after, strict=True)]
    assert taken == pytest.approx(expected)


def test_gpus_that_do_not_tell() -> None:
    """In NVML's own words."""
    with pytest.raises(UnreadableError, match="nvmlDeviceGetTotalEnergyConsumption: Not Supported"):
        gpu_counters(nvml({11: 0}, 3), None)
    with pytest.raises(UnreadableError, match="nvmlDeviceGetHandleByUUID: Not Found"):
        gpu_counters(nvml({}), "GPU-x")


def test_packages_need_a_range(machine: Machine) -> None:
    """Without it, it could not be told how much was taken where a counter began again."""
    machine.zone("0", "package-0", 1)
    (machine.folder / "intel-rapl:0" / "max_energy_range_uj").unlink()
    with pytest.raises(UnreadableError, match="max_energy_range_uj cannot be read"):
        package_counters(machine.folder)
