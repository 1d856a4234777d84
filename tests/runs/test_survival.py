"""Runs that are killed, that run out of space or whose clock is set: nothing computed is lost, computed twice or
believed wrongly."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

import bench
from bench.cli import main
from bench.errors import CellError
from bench.files import read_json
from bench.records.store import Store
from bench.runs import process as process_module
from bench.runs.process import ProcessOutcome, run_process, serve

ROOT = Path(bench.__file__).resolve().parents[1]
KILL = Path(__file__).resolve().parents[2] / "benchmarks" / "kill.py"


def run(results: Path, *arguments: str) -> int:
    """`bench run` of the smallest preset."""
    return main(["run", "--preset", "smoke", "--results", str(results), *arguments])


def environment() -> dict[str, str]:
    """In which other processes find the codecs of broken.py."""
    paths = filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def wait_for(path: Path) -> None:
    """Until it is there."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.02)


# --- Killed


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark that kills runs."""
    monkeypatch.syspath_prepend(KILL.parent)
    spec = importlib.util.spec_from_file_location("kill", KILL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "kill", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.process
@pytest.mark.train
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_runs_end_with_the_same_results(kill: ModuleType, tmp_path: Path) -> None:
    """Six kills at random moments; ``benchmarks/kill.py`` does hundreds."""
    found = kill.Findings()
    kill.survey(6, 3, "nerv[fc_dim=2,lower_width=8,epochs=5]", tmp_path.resolve(), found)
    assert found.kills.total() == 6
    assert found.faults == []


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_faults_are_found(kill: ModuleType, tmp_path: Path) -> None:
    """The benchmark notices damage of each kind that it looks for."""
    straight = kill.Round(tmp_path / "straight", tmp_path / "cache", "raw")
    assert straight.start().wait() == 0
    assert list(kill.check_whole(straight)) == []
    shutil.copytree(straight.folder, tmp_path / "hurt")
    hurt = kill.Round(tmp_path / "hurt", tmp_path / "cache", "raw")
    assert list(kill.check_complete(hurt, straight)) == []

    (stream,) = (hurt.results / "streams").iterdir()
    stream.write_bytes(b"half")
    (record,) = (hurt.results / "records").iterdir()
    (hurt.results / "streams" / "stray.y4m").touch()
    (hurt.results / "records" / "cut.json").write_bytes(record.read_bytes()[:99])
    record.write_bytes(record.read_bytes().replace(b'"seed": 0', b'"seed": 1'))
    (hurt.results / "records" / ".a.json-1.unfinished").touch()
    (hurt.results / "scratch" / "left").mkdir()
    (hurt.temporary / "left").mkdir()
    wrong = " ".join(kill.check_whole(hurt))
    for word in ("is not the stream", "stray.y4m has neither a record", "cut.json is not a readable"):
        assert word in wrong
    left = " ".join(kill.check_complete(hurt, straight))
    for word in (
        "streams are",
        "is not that of",
        "scratch/left is left over",
        "temporary/left is left",
        "unfinished is left over",
    ):
        assert word in left


@pytest.mark.process
@pytest.mark.usefixtures("broken")
def test_who_waits_takes_over_from_who_is_killed(tmp_path: Path) -> None:
    """Of two runs on one results directory, one is killed while it encodes: the other does the cell, and nothing of the
    first one is left."""
    command = [sys.executable, "-m", "bench", "run", "--preset", "smoke", "--codecs", "hangs", "--results"]
    results, reports = tmp_path / "results", tmp_path / "ids"
    first = subprocess.Popen([*command, results], env=environment() | {"HANGS_REPORTS": str(reports)}, cwd=tmp_path)
    wait_for(reports)
    with (tmp_path / "messages").open("wb") as messages:
        second = subprocess.Popen(
            [*command, results], env=environment() | {"HANGS_SECONDS": "0"}, cwd=tmp_path, stderr=messages
        )
    deadline = time.monotonic() + 60
    while "another process" not in (tmp_path / "messages").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert second.poll() is None
    first.send_signal(signal.SIGKILL)
    assert first.wait(10) == -signal.SIGKILL
    assert second.wait(60) == 0
    said = (tmp_path / "messages").read_text()
    assert "is being worked on by another process" in said
    assert "1 ok." in said
    (record,) = Store(results).records()
    assert record.status == "ok"
    assert not list((results / "scratch").iterdir())
    assert not list((results / "checkpoints").iterdir())


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
def test_parent_that_dies_at_once_takes_its_child_along(tmp_path: Path) -> None:
    """Before the child has imported what tells it that its parent died."""
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(1)\n"
        "from bench.runs.process import serve\n"
        "serve(lambda watch, progress: time.sleep(600))\n"
    )
    parent = (
        "import pathlib\n"
        "from bench.runs.process import run_process\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "run_process('slow', here, {}, dict, log=here / 'log', progress=print)\n"
    )
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    with subprocess.Popen([sys.executable, "-c", parent], env=os.environ | {"PYTHONPATH": paths}) as process:
        wait_for(tmp_path / "child")
        time.sleep(0.2)
        process.kill()
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 8
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    survived = Path(f"/proc/{child}").exists()
    if survived:
        os.kill(child, signal.SIGKILL)
    assert not survived


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_process_takes_along_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as an encoder that the system ends for want of memory, and the program that it runs."""
    (tmp_path / "dies.py").write_text(
        "import os, signal, subprocess\n"
        "from bench.runs.process import serve\n"
        "def work(watch, progress):\n"
        "    progress('id', subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL).pid)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "serve(work)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    seen: list[int] = []
    with pytest.raises(CellError, match="SIGKILL"):
        run_process("dies", tmp_path, {}, dict, log=tmp_path / "log", progress=lambda _, step=0, *__: seen.append(step))
    (program,) = seen
    deadline = time.monotonic() + 3
    while Path(f"/proc/{program}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    survived = Path(f"/proc/{program}").exists()
    if survived:
        os.kill(program, signal.SIGKILL)
    assert not survived


# --- Records that cannot be read


def test_run_goes_on_beside_unreadable_records(
    tmp_path: Path, broken: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in the place of a record is kept elsewhere; its cell is run again, and the others are as they were."""
    assert run(tmp_path, "--codecs", "skips") == 0
    (path,) = (tmp_path / "records").glob("*.json")
    path.write_bytes(b"\0" * 4096)
    capsys.readouterr()
    assert run(tmp_path, "--codecs", "skips", "--dry-run") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("to do")
    assert f"{path} is not a readable record" in shown.err
    assert run(tmp_path, "--codecs", "skips") == 0
    said = capsys.readouterr().err
    assert said.count("is not a readable record") == 1
    kept = tmp_path / "records" / "set_aside" / path.name
    assert f"is kept as {kept}" in said
    assert kept.read_bytes() == b"\0" * 4096
    assert [record.status for record in Store(tmp_path).records()] == ["skipped"]


@pytest.mark.usefixtures("in_process", "broken")
def test_report_goes_on_beside_unreadable_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are named on standard error, in the report's provenance and in its manifest, and counted nowhere else."""
    assert run(tmp_path, "--codecs", "copy,skips") == 0
    (tmp_path / "records" / "a-list.json").write_text("[1, 2]")
    (tmp_path / "records" / "newer.json").write_text('{"schema": 99}')
    capsys.readouterr()
    assert main(["report", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().err.count("is not a readable record") == 2
    written = (tmp_path / "report" / "report.md").read_text()
    assert "files that cannot be read as records: 2" in written
    assert "a-list.json: Expected `object`, got `array`" in written
    assert "newer.json: it has schema 99" in written
    manifest = json.loads((tmp_path / "report" / "manifest.json").read_text())
    assert len(manifest["records"]) == 2
    assert len(manifest["provenance"]["Set aside"]) == 3


def test_report_on_unreadable_records_alone_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which says so, after it named each."""
    (tmp_path / "records").mkdir()
    for name in ("a", "b"):
        (tmp_path / "records" / f"{name}.json").write_text("{")
    assert main(["report", "--results", str(tmp_path)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert "no records that can be read, only 2 files that cannot" in said[-1]


# --- A full disk


def full(*_: object, **__: object) -> NoReturn:
    """What a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.usefixtures("in_process", "broken")
@pytest.mark.parametrize(
    ("place", "status"),
    [("shutil.copyfile", 1), ("bench.runs.cell.keep_frame", 1), ("bench.records.store.Store.save", 2)],
)
def test_full_disk_costs_no_stream(
    place: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said where and what to do; when there is space again, nothing is encoded twice."""
    monkeypatch.setenv("COUNTS_AT", str(tmp_path / "count"))
    results = tmp_path / "results"
    with monkeypatch.context() as patch:
        if place.endswith("save"):
            patch.setattr("bench.records.store.write_json", lambda path, value: _fail_to_write(path))
        else:
            patch.setattr(place, full)
        assert run(results, "--codecs", "counts") == status
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "No space left on device" in said
    assert "--results" in said
    assert len(list((results / "streams").iterdir())) == 1
    assert run(results, "--codecs", "counts") == 0
    assert (tmp_path / "count").read_text() == "1"
    assert not list((results / "scratch").iterdir())


def _fail_to_write(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        bench.files.write_bytes(path, b"{}")


@pytest.mark.process
@pytest.mark.usefixtures("broken")
def test_limit_of_file_sizes_fails_the_cell_alone(tmp_path: Path) -> None:
    """The system refuses what is larger, in the codec's process: no traceback, and the other cell goes on."""
    assert run(tmp_path / "warm", "--codecs", "skips") == 0  # the clip is made
    code = (
        "import resource, sys; from bench.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "run", "--preset", "smoke", "--codecs", "copy,skips", "--results"]
    done = subprocess.run(
        [*command, tmp_path / "results"], env=environment(), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert {record.codec.name: record.status for record in Store(tmp_path / "results").records()} == {
        "copy": "failed",
        "skips": "skipped",
    }
    assert not list((tmp_path / "results" / "streams").iterdir())


@pytest.mark.usefixtures("in_process", "broken")
def test_log_that_cannot_be_written_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell fails for another reason than the package's own, and its log cannot be written either."""
    assert run(tmp_path, "--codecs", "raises-in-skip") == 1
    (log,) = (tmp_path / "logs").iterdir()
    log.unlink()
    log.mkdir()
    assert run(tmp_path, "--codecs", "raises-in-skip,copy") == 1
    assert "Traceback" not in capsys.readouterr().err
    assert {record.status for record in Store(tmp_path).records()} == {"failed", "ok"}


# --- Clocks


@pytest.mark.parametrize("jump_seconds", [-7200.0, 7200.0])
def test_clock_that_is_set_changes_no_duration(
    jump_seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hours, back and forth, while a process works."""
    real, offset = time.time, [0.0]

    def work(*_: Any) -> dict[str, int]:
        offset[0] = jump_seconds
        return {}

    monkeypatch.setattr(time, "time", lambda: real() + offset[0])
    monkeypatch.setattr(process_module, "_end_with_parent", lambda: None)
    monkeypatch.delenv("BENCH_STARTED", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        serve(work)
    assert 0 <= read_json(tmp_path / "result.json", ProcessOutcome).overhead_seconds < 60


@pytest.mark.usefixtures("in_process", "broken")
def test_clock_that_is_set_changes_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time budget of an hour is not used up by a clock that is put forward by a day."""
    real, calls = time.time, [0]

    def jumping() -> float:
        calls[0] += 1
        return real() + 86400 * calls[0]

    monkeypatch.setattr(time, "time", jumping)
    assert run(tmp_path, "--codecs", "copy", "--time-budget", "1h", "--timeout", "1h") == 0
    (record,) = Store(tmp_path).records()
    costs = [cost for cost in (record.encode, record.decode) if cost]
    assert all(0 <= cost.seconds < 3600 for cost in costs)
