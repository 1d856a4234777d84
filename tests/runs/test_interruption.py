"""Runs that end early, and the runs that go on from them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bench
from bench.cli import main
from bench.records.record import Record
from bench.records.store import Store

CELL = ("--preset", "smoke", "--codecs", "nerv[fc_dim=2,lower_width=8,epochs=300]")
STEPS = 1200


def run(results: Path, *options: str) -> int:
    """The exit status of one cell's run."""
    return main(["run", *CELL, "--results", str(results), *options])


def only_record(results: Path) -> Record:
    """Of the one cell, which must be complete."""
    (record,) = Store(results).records()
    assert record.status == "ok", record.reason
    return record


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The cell run without a break."""
    results = tmp_path_factory.mktemp("straight")
    assert run(results) == 0
    return only_record(results)


@pytest.mark.process
@pytest.mark.train
def test_time_budgets_add_up_to_the_same_bytes(
    straight: Record, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run after run within its budget, until one is enough; each goes on where the last one stopped."""
    budget_seconds, interrupted = 5.0, 0
    while (status := run(tmp_path, "--time-budget", f"{budget_seconds}s")) == 75:
        interrupted += 1
        assert "1 of 1 cells are left" in capsys.readouterr().err
        assert list(Store(tmp_path).records()) == []
        budget_seconds *= 1.5  # a machine on which six seconds suffice for nothing must not run forever
    assert status == 0
    assert interrupted >= 1
    record = only_record(tmp_path)
    assert straight.stream is not None
    assert record.stream is not None
    assert record.stream.sha256 == straight.stream.sha256
    assert record.frames_sha256 == straight.frames_sha256
    assert 0 < record.resumed_at_steps["training"][0] < STEPS
    assert not list((tmp_path / "checkpoints").iterdir())

    assert straight.encode is not None
    assert record.encode is not None
    assert record.encode.parts["training"] > straight.encode.parts["training"] / 4, "the interrupted part is missing"


@pytest.mark.process
def test_budget_that_is_used_up_starts_nothing(tmp_path: Path) -> None:
    """Not even the first cell, and at once."""
    assert run(tmp_path, "--time-budget", "0.001s") == 75
    assert list(Store(tmp_path).records()) == []


@pytest.mark.parametrize("text", ["", "0", "-5", "5 days", "s"])
def test_bad_durations(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Say how one is written."""
    with pytest.raises(SystemExit, match="2"):
        main(["run", f"--time-budget={text}"])
    assert "write for example 90s, 5m or 2h" in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.train
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_run_takes_its_encoder_along(straight: Record, tmp_path: Path) -> None:
    """Nothing can catch a SIGKILL; the encoder notices that nobody listens, and the next run succeeds."""
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).resolve().parent.parent)}
    command = [sys.executable, "-m", "bench", "run", *CELL, "--results", tmp_path]
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as process:
        encoder = child_of(process.pid)
        process.kill()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{encoder}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{encoder}").exists()
    assert run(tmp_path) == 0
    stream = only_record(tmp_path).stream
    assert stream is not None
    assert straight.stream is not None
    assert stream.sha256 == straight.stream.sha256
    assert hashlib.sha256((tmp_path / stream.path).read_bytes()).hexdigest() == stream.sha256


def child_of(parent: int) -> int:
    """The process that encodes for ``parent``, once it is at it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if b"bench.runs.encoder" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        time.sleep(0.05)
    raise AssertionError("no encoder was started")
