"""What else a machine did while a process was timed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.measure import load
from bench.measure.load import LoadMeter

BUSY = "import time; end = time.monotonic() + 30\nwhile time.monotonic() < end: pass"


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_busy_process_beside_is_seen() -> None:
    """Whatever else this machine does."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as other:
        time.sleep(0.3)
        meter, own = LoadMeter(), time.process_time()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass
        beside = meter.other_load(time.process_time() - own)
        other.kill()
    assert beside is not None
    assert beside > 0.4


def test_the_own_work_and_other_cores_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three cores, busy for 7 of their 20 seconds, of which this process used 3. Idle time and waiting for a
    disk are no work; a guest's time is in the user's already."""
    stat = tmp_path / "stat"

    def plant(*cpus: str) -> None:
        stat.write_text("\n".join(["cpu  9 9 9 9 9 9 9 9 9 9", *cpus, "intr 1 2 3"]))

    now = iter([100.0, 110.0])
    monkeypatch.setattr(load, "STAT", stat)
    monkeypatch.setattr(load.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2})
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    plant("cpu0 100 0 0 500 5 0 0 0 0 0", "cpu1 0 0 0 0 0 0 0 0 0 0", "cpu2 0 0 0 0 0 0 0 0 0 0")
    meter = LoadMeter()
    plant("cpu0 300 20 80 900 99 0 0 0 50 0", "cpu1 900 0 0 0 0 0 0 0 0 0", "cpu2 100 0 100 0 0 50 50 100 0 0")
    assert meter.other_load(3) == pytest.approx(0.4)


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, rather than a guess."""
    monkeypatch.setattr(load, "STAT", load.STAT / "none")
    assert LoadMeter().other_load(0) is None
