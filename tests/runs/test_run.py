"""Runs of several cells: what goes on, what is shared, and what a run that ends early leaves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bench
from bench.cli import main
from bench.files import read_json
from bench.records.record import Record
from bench.records.store import Store
from bench.runs.progress import PlainLine

pytestmark = pytest.mark.usefixtures("broken")


def saved(store: Store) -> list[Record]:
    """The records on disk."""
    return [read_json(path, Record) for path in sorted((store.root / "records").glob("*.json"))]


def alive(process: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def gone(processes: list[int]) -> bool:
    """Whether none of them runs, now or within seconds."""
    deadline = time.monotonic() + 10
    while any(map(alive, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(alive, processes))


def run(results: Path, *arguments: str) -> int:
    """`bench run` of the smallest preset."""
    return main(["run", "--preset", "smoke", "--results", str(results), *arguments])


@pytest.mark.process
def test_other_cells_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A crash costs its own cell only, and shows in the exit status."""
    assert run(tmp_path, "--codecs", "killed,skips,copy") == 1
    statuses = {record.codec.name: record.status for record in saved(Store(tmp_path))}
    assert statuses == {"killed": "failed", "skips": "skipped", "copy": "ok"}
    printed = capsys.readouterr().err
    assert "1 failed, 1 skipped, 1 ok." in printed
    assert re.search(r"\[1/3\] bunny/bunny killed: failed: CellError: .*SIGKILL", printed)
    assert "[2/3] bunny/bunny skips: skipped: planted reason" in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("in_process")
def test_finished_cells_are_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run says so, exits with 0 and touches nothing; a failed cell is tried again."""
    assert run(tmp_path, "--codecs", "copy,skips,refuses") == 1
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.*") if path.is_file()}
    capsys.readouterr()

    assert run(tmp_path, "--codecs", "copy,skips") == 0
    printed = capsys.readouterr().err
    assert "2 of 2 cells are already done." in printed
    assert "nothing to do" in printed
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.*") if path.is_file()}
    assert after == before

    assert run(tmp_path, "--codecs", "copy,skips,refuses") == 1
    printed = capsys.readouterr().err
    assert "2 of 3 cells are already done." in printed
    assert "[1/1] bunny/bunny refuses: failed" in printed


def test_damaged_record_is_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a file answers for nothing, and is kept for whoever wants to look."""
    assert run(tmp_path, "--codecs", "skips") == 0
    (path,) = (tmp_path / "records").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    capsys.readouterr()
    assert run(tmp_path, "--codecs", "skips") == 0
    assert "1 skipped." in capsys.readouterr().err
    assert saved(Store(tmp_path))[0].key == json.loads(whole)["key"]


def test_dry_run_lists_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each cell stands on standard output with its state."""
    assert run(tmp_path, "--codecs", "skips") == 0
    written = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert run(tmp_path, "--codecs", "skips,x264", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "done   bunny/bunny skips",
        *(f"to do  bunny/bunny x264 crf={crf}" for crf in ("28.0", "34.0", "40.0", "46.0")),
        "4 of 5 cells to do; no record of this machine tells how long 4 of them take.",
    ]
    assert sorted(tmp_path.rglob("*")) == written


@pytest.mark.process
def test_interrupted_run_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole records or none, no half streams, no process left, and the next run goes on."""
    processes: list[int] = []

    def interrupt(_: PlainLine, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        if stage == "hanging":
            processes.extend((step, steps))
            assert all(map(alive, processes))
            raise KeyboardInterrupt

    monkeypatch.setattr(PlainLine, "step", interrupt)
    assert run(tmp_path, "--codecs", "copy,hangs,skips") == 130
    assert "interrupted; finished cells are kept" in capsys.readouterr().err

    assert [record.codec.name for record in saved(Store(tmp_path))] == ["copy"]
    assert [path.suffix for path in (tmp_path / "streams").iterdir()] == [".y4m"]
    assert len(processes) == 2
    assert gone(processes)

    assert run(tmp_path, "--codecs", "copy,skips") == 0
    assert "1 of 2 cells are already done." in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_ended_run_leaves_no_process(sent: signal.Signals, status: int, tmp_path: Path) -> None:
    """What a scheduler sends when the time is up, a terminal that is closed, and a kill that nothing can catch: each
    ends the codec's process and all that it started."""
    command = [sys.executable, "-m", "bench", "run", "--preset", "smoke", "--codecs", "hangs"]
    paths = [os.environ["PYTHONPATH"], str(Path(bench.__file__).resolve().parent.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HANGS_REPORTS": str(tmp_path / "ids")}
    with subprocess.Popen([*command, "--results", tmp_path / "results"], env=environment, cwd=tmp_path) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "ids").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        processes = [int(number) for number in (tmp_path / "ids").read_text().split()]
        assert all(map(alive, processes))
        process.send_signal(sent)
        assert process.wait(30) == status
    assert len(processes) == 2
    assert gone(processes)
    assert not list((tmp_path / "results" / "records").iterdir())
    assert not list((tmp_path / "results" / "streams").iterdir())


@pytest.mark.process
@pytest.mark.parametrize("gone", ["streams", "frames"])
def test_a_record_is_done_when_its_files_are_there(
    gone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deleted stream or kept frame is made again: the cure that the report names for a missing frame."""
    assert run(tmp_path, "--codecs", "copy", "--frames", "4") == 0
    (record,) = saved(Store(tmp_path))
    path = tmp_path / (record.stream.path if gone == "streams" else record.still.decoded.path)  # type: ignore[union-attr]
    content = path.read_bytes()
    path.unlink()
    capsys.readouterr()
    assert run(tmp_path, "--codecs", "copy", "--frames", "4") == 0
    assert "1 ok." in capsys.readouterr().err
    assert path.read_bytes() == content


@pytest.mark.process
def test_two_runs_share_the_work(tmp_path: Path) -> None:
    """Neither does what the other does, and both end well."""
    command = [sys.executable, "-m", "bench", "run", "--preset", "smoke", "--codecs", "counts,copy,raw", "--results"]
    paths = [os.environ["PYTHONPATH"], str(Path(bench.__file__).resolve().parent.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COUNTS_AT": str(tmp_path / "count")}
    runs = [subprocess.Popen([*command, tmp_path / "results"], env=environment, cwd=tmp_path) for _ in range(3)]
    assert [process.wait(120) for process in runs] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "1"
    assert len(saved(Store(tmp_path / "results"))) == 3
    assert not list((tmp_path / "results" / "scratch").iterdir())
