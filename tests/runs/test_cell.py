"""One cell from start to record, with codecs that keep the contract and codecs that break it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bench
from bench.cli import main
from bench.dataset import Clip
from bench.errors import DecodeError
from bench.files import read_json
from bench.records.environment import Environment
from bench.records.kept_frame import read_kept
from bench.records.record import SCHEMA, Record
from bench.records.store import Store
from bench.runs.cell import check_frames, run_cell
from bench.runs.plan import PlannedCell
from bench.runs.process import TimeLimit
from bench.runs.progress import PlainDisplay

MakeCell = Callable[..., PlannedCell]

pytestmark = pytest.mark.usefixtures("broken")


def confined() -> str:
    """What a process on this system can be kept to its folder by."""
    code = "from pathlib import Path; from bench.runs.isolation import confine; print(confine(Path.cwd(), []))"
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def silent(*_: object, **__: object) -> None:
    """Progress that nobody watches."""


def saved(store: Store) -> list[Record]:
    """The records on disk."""
    return [read_json(path, Record) for path in sorted((store.root / "records").iterdir())]


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


# --- What a codec does wrong

FAILURES = {
    "killed": ("CellError", "encoder", "SIGKILL"),
    "exits": ("CellError", "encoder", "status 3"),
    "raises": ("CellError", "ZeroDivisionError: planted in the encoder"),
    "refuses": ("CodecError", "planted refusal"),
    "writes-nothing": ("CodecError", "planted/noise writes-nothing", "no stream"),
    "writes-empty": ("CodecError", "planted/noise writes-empty", "no stream"),
    "drops-frame": ("DecodeError", "planted/noise drops-frame", "2 frames of 48x32", "3 frames of 48x32"),
    "overstates": ("DecodeError", "3 frames of 48x32", "6,912 bytes", "4,608 bytes"),
    "decoder-killed": ("CellError", "decoder", "SIGKILL"),
    "lies": ("CodecError", "planted/noise lies", "ledger"),
    "raises-in-skip": ("ZeroDivisionError", "planted in skip"),
}
"""The class of the error, and what its message must not leave out."""


@pytest.mark.process
@pytest.mark.parametrize("name", FAILURES)
def test_misbehaviour_is_recorded(name: str, make_cell: MakeCell, store: Store) -> None:
    """The record says what went wrong, holds no number, and is the one on disk."""
    record = run_cell(make_cell(name), store, silent)
    assert record.status == "failed"
    error, *words = FAILURES[name]
    kind, _, message = (record.reason or "").partition(": ")
    assert kind == error
    assert [word for word in words if word not in message] == []
    assert (record.stream, record.quality, record.encode, record.decode) == (None, None, None, None)
    assert saved(store) == [record]
    assert not [path for path in (store.root / "streams").iterdir() if path.name.startswith(".")]


@pytest.mark.process
@pytest.mark.parametrize("name", ["raises", "raises-in-skip"])
def test_unexpected_errors_leave_a_traceback_in_the_log(name: str, make_cell: MakeCell, store: Store) -> None:
    """Whoever mends the codec finds the line."""
    run_cell(make_cell(name), store, silent)
    (log,) = (store.root / "logs").iterdir()
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("other", [{"width": 32, "height": 48}, {"height": 31}, {"frames": 4}, {"frames": 0}])
def test_frames_of_another_form_are_an_error(other: dict[str, int], make_cell: MakeCell, tiny: Clip) -> None:
    """Also where they have as many bytes."""
    check_frames(tiny.rgb.format, make_cell("raw"))
    with pytest.raises(DecodeError, match="planted/noise raw: the decoder gave"):
        check_frames(replace(tiny.rgb.format, **other), make_cell("raw"))  # type: ignore[arg-type]


@pytest.mark.process
def test_hanging_codec_is_stopped(make_cell: MakeCell, store: Store) -> None:
    """A cell that outlasts its time is a record too."""
    start = time.monotonic()
    record = run_cell(make_cell("hangs"), store, silent, TimeLimit(0.5))
    assert 0.5 <= time.monotonic() - start < 30
    assert record.status == "timed_out"
    assert re.search(r"encoder .* 0\.5 s.*--timeout", record.reason or "")
    assert saved(store) == [record]
    assert not list((store.root / "streams").iterdir())


def test_codec_that_cannot_take_a_clip_is_skipped(make_cell: MakeCell, store: Store) -> None:
    """With the reason that it gave."""
    record = run_cell(make_cell("skips"), store, silent)
    assert (record.status, record.reason) == ("skipped", "planted reason")
    assert saved(store) == [record]


@pytest.mark.process
def test_failed_run_does_not_keep_an_earlier_log(make_cell: MakeCell, store: Store) -> None:
    """A log is of the last run only."""
    cell = make_cell("copy")
    store.log_path(cell.file_name).write_text("of an earlier run")
    run_cell(cell, store, silent)
    assert store.log_path(cell.file_name).read_text() == ""


@pytest.mark.process
def test_decoder_sees_nothing_but_the_stream(make_cell: MakeCell, store: Store, cache: Path) -> None:
    """No clip, no parameters, no cache: a task that names the stream, in an empty folder."""
    assert os.environ["BENCH_CACHE"] == str(cache)
    record = run_cell(make_cell("spies"), store, silent)
    error, _, account = (record.reason or "").partition(": ")
    assert error == "CodecError"
    seen = json.loads(account)
    assert seen["task"]["stream"] == "stream.spies"
    assert set(seen["task"]) == {"stream", "decoder", "hidden"}
    assert seen["folder"] == ["stream.spies", "task.json"]
    assert set(seen["environment"]) == {"BENCH_CODECS", "BENCH_STARTED"}


@pytest.mark.process
def test_no_way_leads_a_decoder_to_the_source(make_cell: MakeCell, store: Store, tmp_path: Path) -> None:
    """An encoder that writes a map of where its source and copies of it lie, and a decoder that tries every place."""
    if confined() == "folder":
        pytest.skip("this system has no Landlock")
    planted = tmp_path / "planted.raw"
    with Shared() as shared, Listening() as port:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHEATS_LEAVES_COPIES_AT", os.pathsep.join([str(planted), str(shared)]))
            patch.setenv("CHEATS_CALLS", str(port))
            record = run_cell(make_cell("cheats"), store, silent)
        assert planted.exists()
        assert shared.exists()
    error, _, account = (record.reason or "").partition(": ")
    assert error == "CodecError", record.reason
    ways = json.loads(account)
    assert set(ways) >= {
        "clip.yuv",
        "clip.rgb",
        "planted.raw",
        "checkpoints",
        "results",
        "parent",
        "skvideo",
        "network",
    }
    assert [way for way, outcome in ways.items() if outcome == "open"] == []


class Shared:
    """A file in shared memory, while this lasts."""

    def __enter__(self) -> Path:
        self.path = Path(f"/dev/shm/bench-test-{os.getpid()}")
        return self.path

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)


class Listening:
    """A port that takes connections, while this lasts."""

    def __enter__(self) -> int:
        self.server = socket.create_server(("127.0.0.1", 0))
        port: int = self.server.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self.server.close()


@pytest.mark.process
def test_the_record_says_what_kept_the_decoder_apart(make_cell: MakeCell, store: Store) -> None:
    """And which code each process ran."""
    record = run_cell(make_cell("raw"), store, silent)
    assert record.isolation == confined()
    for cost in (record.encode, record.decode):
        assert cost is not None
        assert cost.git_commit == record.environment.git_commit


# --- What is not done twice


@pytest.mark.process
def test_a_failure_after_encoding_does_not_cost_the_encoding(
    make_cell: MakeCell, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decode that fails, as on a full disk; the next run takes the stream that is there, once only."""
    cell = make_cell("counts")
    count = store.root / "count"
    monkeypatch.setenv("COUNTS_AT", str(count))
    with monkeypatch.context() as patch:
        patch.setattr("bench.runs.cell.measure_quality", lambda *_: 1 / 0)
        failed = run_cell(cell, store, silent)
    assert (failed.status, count.read_text()) == ("failed", "1")
    record = run_cell(cell, store, silent)
    assert (record.status, count.read_text()) == ("ok", "1")
    assert record.encode is not None
    assert not store.checkpoints_path(cell.file_name).exists()
    run_cell(cell, store, silent)
    assert count.read_text() == "11"


@pytest.mark.process
def test_a_stream_that_is_not_what_was_encoded_is_made_anew(
    make_cell: MakeCell, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Altered since, or of another machine, whose times are not this one's."""
    cell = make_cell("counts")
    count = store.root / "count"
    monkeypatch.setenv("COUNTS_AT", str(count))
    for altered in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr("bench.runs.cell.measure_quality", lambda *_: 1 / 0)
            run_cell(cell, store, silent)
        if altered:
            store.stream_path(cell.file_name, ".y4m").write_bytes(b"altered")
        else:
            monkeypatch.setattr(Environment, "machine", property(lambda env: f"of {env.load} {time.monotonic()}"))
        record = run_cell(cell, store, silent)
        assert record.status == "ok"
        assert (record.encode is None) == (not altered)
    assert count.read_text() == "111"


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


@pytest.mark.process
def test_notes_that_no_record_can_hold_are_kept_as_text(make_cell: MakeCell, store: Store) -> None:
    """The stream is not lost for them; numbers of numpy's are numbers."""
    record = run_cell(make_cell("notes-an-object"), store, silent)
    assert record.status == "ok"
    assert record.notes["number"] == 1.5
    assert record.notes["thing"].startswith("<object object")


# --- What a record says


@pytest.mark.process
def test_record_of_a_lossless_copy(make_cell: MakeCell, store: Store, tiny: Clip) -> None:
    """Every number follows from the clip: the size of its YUV4MPEG2 file, and no error at all."""
    record = run_cell(make_cell("raw"), store, silent)
    assert (record.status, record.reason, record.schema) == ("ok", None, SCHEMA)
    assert (record.codec.name, record.codec.label, record.codec.family) == ("raw", "raw", "standard")
    assert record.preset.name == "smoke"
    assert not record.preset.full_scale
    assert record.seed == 0
    assert record.clip.yuv.path == Path("clip.yuv")
    assert record.clip.yuv_sha256 == hashlib.sha256(tiny.yuv.path.read_bytes()).hexdigest()

    assert record.stream is not None
    written = (store.root / record.stream.path).read_bytes()
    size = len(b"YUV4MPEG2 W48 H32 F25:1 Ip A1:1 C420jpeg\n") + 3 * (len(b"FRAME\n") + 48 * 32 * 3 // 2)
    assert record.stream.size_bytes == len(written) == size
    assert record.stream.sha256 == hashlib.sha256(written).hexdigest()
    assert sum(record.stream.ledger.values()) == size
    assert record.stream.bits_per_pixel == pytest.approx(8 * size / (48 * 32 * 3))
    assert record.stream.bitrate_mbps == pytest.approx(8 * size / (3 / 25) / 1e6)

    assert record.frames_sha256 == record.clip.yuv_sha256
    assert record.quality is not None
    assert record.quality.clip["psnr_rgb"] == record.quality.clip["psnr_y"] == 100
    assert record.quality.frames["psnr_rgb"] == [100, 100, 100]
    assert "161 pixels" in record.quality.unavailable["ms_ssim_rgb"]

    assert record.quality.clip["transient_share"] == pytest.approx(1, abs=0.01)  # it is noise
    assert record.quality.frames["psnr_rgb_transient"] == [None, 100, None]

    still = record.still
    assert still is not None
    assert still.index == 1
    decoded, source, transient = (
        read_kept(store.root, kept) for kept in (still.decoded, still.source, still.transient)
    )
    middle = tiny.rgb.read_frame(1)[0]
    assert np.array_equal(decoded, middle)
    assert np.array_equal(source, middle)
    assert transient.mean() == pytest.approx(1, abs=0.01)

    for cost in (record.encode, record.decode, record.decode_one_core):
        assert cost is not None
        assert cost.cpu_seconds is not None
        assert 0 < cost.cpu_seconds < 300
        assert set(cost.parts) == {"copying"}
        assert cost.seconds == sum(cost.parts.values()) > 0
        assert 0 < cost.overhead_seconds < 300
        assert cost.peak_memory_bytes > 1 << 20
    assert record.complexity is None
    assert record.environment.cores >= 1
    assert record.environment.packages["numpy"]
    assert saved(store) == [record]


# --- Runs of several cells


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
    """Half a file answers for nothing."""
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
    ]
    assert sorted(tmp_path.rglob("*")) == written


@pytest.mark.process
def test_interrupted_run_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole records or none, no half streams, no process left, and the next run goes on."""
    processes: list[int] = []

    def interrupt(_: PlainDisplay, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        if stage == "hanging":
            processes.extend((step, steps))
            assert all(map(alive, processes))
            raise KeyboardInterrupt

    monkeypatch.setattr(PlainDisplay, "step", interrupt)
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
def test_interrupted_rerun_keeps_the_old_record(make_cell: MakeCell, store: Store) -> None:
    """A cell that is interrupted on its second try still has the record of its first."""
    cell = make_cell("hangs")
    first = run_cell(cell, store, silent, TimeLimit(0.1))

    def interrupt(stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, store, interrupt)
    assert saved(store) == [first]


def test_seed_and_preset_stand_in_the_record(make_cell: MakeCell, store: Store) -> None:
    """What was asked for is what is recorded."""
    cell = make_cell("skips", seed=7)
    record = run_cell(replace(cell, label="skips[fast=1]"), store, silent)
    assert (record.seed, record.codec.label, record.key) == (7, "skips[fast=1]", cell.key)
