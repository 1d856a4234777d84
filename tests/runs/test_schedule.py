"""Which cells are run, in which order, and how many at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import bench
from bench.cli import main
from bench.records.record import Record
from bench.records.store import Store
from bench.runs.share import CAN_PIN, THREAD_COUNTS

pytestmark = [pytest.mark.usefixtures("broken")]


def run(results: Path, *arguments: str) -> int:
    """`bench run` of the smallest preset."""
    return main(["run", "--preset", "smoke", "--results", str(results), *arguments])


@pytest.fixture
def all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """No number of threads is set, as this suite does for its own workers."""
    for variable in THREAD_COUNTS:
        monkeypatch.delenv(variable, raising=False)


def records(results: Path) -> list[Record]:
    """All of them."""
    return list(Store(results).records())


@pytest.mark.process
@pytest.mark.skipif(not CAN_PIN or len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_encoders_work_at_once_and_decoders_alone(
    tmp_path: Path, all_cores: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each encoder has its own cores, and each record says how many it had and who worked beside it."""
    assert run(tmp_path, "--codecs", "witness,skips,refuses", "--jobs", "2") == 1
    said = capsys.readouterr().err
    assert "1 skipped, 1 failed, 4 ok." in said
    assert len(re.findall(r"\[\d/6\] bunny/bunny witness point=\d: encoded, to be decoded when no", said)) == 4
    assert len(re.findall("planted refusal", said)) == 1, "a failed encoder is not tried twice"

    made = [record for record in records(tmp_path) if record.status == "ok"]
    spans = sorted((record.notes["from"], record.notes["to"], tuple(record.notes["cpus"])) for record in made)
    assert spans[1][0] < spans[0][1], "two encoders overlap"
    assert spans[2][0] >= min(spans[0][1], spans[1][1]), "three do not"
    assert len({cpus for _, _, cpus in spans}) == 2
    assert not set(spans[0][2]) & set(spans[1][2])
    logs = [
        (tmp_path / "logs" / f"{Path(record.stream.path).stem}.log").read_text() for record in made if record.stream
    ]
    decoded = sorted(float(number) for log in logs for number in re.findall(r"decoded at (\S+)", log))
    assert len(decoded) == 8, "each on all cores, and on one"
    assert decoded[0] >= max(end for _, end, _ in spans)
    for record in made:
        assert record.encode is not None
        assert record.decode is not None
        assert record.encode.beside == 1
        assert record.encode.cores == len(record.notes["cpus"])
        assert (record.decode.beside, record.decode.cores) == (0, len(os.sched_getaffinity(0)))
        assert record.wall_seconds is None
    assert not list((tmp_path / "checkpoints").iterdir())
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.process
def test_interrupted_encoders_stop_together(tmp_path: Path) -> None:
    """Ctrl-C ends all of them, and no record says that they failed."""
    command = [sys.executable, "-m", "bench", "run", "--preset", "smoke", "--codecs", "hangs,raw", "--jobs", "2"]
    paths = [os.environ["PYTHONPATH"], str(Path(bench.__file__).resolve().parent.parent)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "HANGS_REPORTS": str(tmp_path / "ids")}
    with subprocess.Popen(
        [*command, "--results", tmp_path / "results"], env=environment, cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "ids").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=40)
    assert process.returncode == 130
    assert b"finished cells are kept" in said
    assert b"Traceback" not in said
    for number in (tmp_path / "ids").read_text().split():
        state = Path(f"/proc/{number}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] in "ZX"
    assert records(tmp_path / "results") == []


@pytest.mark.process
def test_time_is_up_for_all_encoders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was encoded until then is kept, and the next run measures it without encoding it again."""
    assert run(tmp_path, "--codecs", "raw,hangs", "--jobs", "2", "--time-budget", "12s") == 75
    assert "2 of 2 cells are left." in capsys.readouterr().err
    assert [path.suffix for path in (tmp_path / "streams").iterdir()] == [".y4m"]
    (kept,) = (tmp_path / "checkpoints").iterdir()
    before = (kept / "encoded.json").read_bytes()
    assert run(tmp_path, "--codecs", "raw") == 0
    (record,) = records(tmp_path)
    assert record.encode is not None
    assert record.encode.beside == 1
    assert str(record.encode.seconds).encode() in before


@pytest.mark.process
@pytest.mark.parametrize(
    ("rerun", "again"),
    [
        ("never", []),
        ("missing", ["copy"]),
        ("failed", ["copy", "refuses"]),
        ("always", ["copy", "raw", "refuses", "skips"]),
    ],
)
def test_rerun(
    rerun: str, again: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], in_process: None
) -> None:
    """Each choice takes the cells of the one before it, and more."""
    codecs = ["--codecs", "copy,raw,refuses,skips"]
    assert run(tmp_path, *codecs) == 1
    (copied,) = (record for record in records(tmp_path) if record.codec.name == "copy")
    assert copied.stream is not None
    (tmp_path / copied.stream.path).unlink()
    capsys.readouterr()

    assert run(tmp_path, *codecs, "--rerun", rerun, "--dry-run") == 0
    listed = re.findall(r"to do  bunny/bunny (\S+)\b", capsys.readouterr().out)
    assert sorted(listed) == again
    run(tmp_path, *codecs, "--rerun", rerun)
    said = capsys.readouterr().err
    assert sorted(re.findall(r"\[\d/\d\] bunny/bunny (\S+):", said)) == again
    assert ("nothing to do" in said) == (not again)


@pytest.mark.usefixtures("in_process")
def test_seeds_and_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cell for each seed of a codec that has one, and only the rate points that were chosen."""
    networks = "nerv[epochs=1],x264"
    asked = ["--codecs", networks, "--seeds", "0,3,0", "--points", "fc_dim=2,crf=34", "--dry-run"]
    assert run(tmp_path, *asked) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "to do  bunny/bunny nerv[epochs=1] fc_dim=2 lower_width=8 seed=0",
        "to do  bunny/bunny x264 crf=34.0",
        "to do  bunny/bunny nerv[epochs=1] fc_dim=2 lower_width=8 seed=3",
    ]


@pytest.mark.parametrize("term", ["crf=29", "fc_dim=2", "crf", "crf=", "=28", "crf=x"])
def test_a_point_that_there_is_not(term: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names those that there are."""
    assert run(tmp_path, "--codecs", "x264", "--points", f"crf=28,{term}", "--dry-run") == 2
    assert f"No rate point has {term!r}. There are: x264 crf=28.0, x264 crf=34.0" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "value"), [("--seeds", ""), ("--seeds", "1,x"), ("--jobs", "0"), ("--points", ",")])
def test_bad_choices(option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Say what is wrong."""
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, f"{option}={value}")
    assert option in capsys.readouterr().err


def test_a_device_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Found before anything is opened."""
    assert run(tmp_path, "--codecs", "raw", "--devices", "cuda:77") == 2
    assert "There is no device 'cuda:77'. This machine has cpu" in capsys.readouterr().err


@pytest.mark.process
def test_a_device_reaches_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU, a process sees no GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that the test's own process gets it back
    assert run(tmp_path, "--codecs", "witness", "--points", "point=1", "--devices", "cpu") == 0
    (record,) = records(tmp_path)
    assert record.notes["CUDA_VISIBLE_DEVICES"] == ""
    assert record.encode is not None
    assert record.encode.beside == 0


# --- Metrics that are added later


@pytest.mark.usefixtures("in_process")
def test_metrics_are_added_without_encoding_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the stored stream; all else in the record stays, and the next run has nothing to do."""
    monkeypatch.setenv("COUNTS_AT", str(tmp_path / "count"))
    cell = ["--codecs", "counts,skips"]
    assert run(tmp_path, *cell, "--metrics", "none") == 0
    before = {record.codec.name: record for record in records(tmp_path)}
    assert run(tmp_path, *cell, "--metrics", "ssim,xpsnr", "--dry-run") == 0
    assert "done   bunny/bunny counts, but for ssim, xpsnr" in capsys.readouterr().out

    assert run(tmp_path, *cell, "--metrics", "ssim") == 0
    assert "[1/1] bunny/bunny counts: ssim measured" in capsys.readouterr().err
    after = {record.codec.name: record for record in records(tmp_path)}
    assert after["skips"] == before["skips"]
    quality = after["counts"].quality
    assert quality is not None
    assert replace(after["counts"], quality=before["counts"].quality) == before["counts"]
    assert (quality.clip["ssim_y"], len(quality.frames["ssim_yuv"])) == (1, 4)
    assert "xpsnr_y" not in quality.clip
    assert quality.tools["ssim_y"].startswith("ffmpeg ")

    assert run(tmp_path, *cell, "--metrics", "ssim") == 0
    assert run(tmp_path, *cell, "--metrics", "ssim,vmaf_v1", "--rerun", "never") == 0
    assert capsys.readouterr().err.count("nothing to do") == 2
    assert (tmp_path / "count").read_text() == "1"


@pytest.mark.usefixtures("in_process")
def test_metrics_of_other_frames_are_not_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stream that decodes otherwise here, as a network's may on another machine, keeps the record that it has."""
    assert run(tmp_path, "--codecs", "copy", "--metrics", "none") == 0
    store = Store(tmp_path)
    (path,) = (tmp_path / "records").iterdir()
    (record,) = records(tmp_path)
    store.save(path.stem, replace(record, frames_sha256="00" * 32))
    content = path.read_bytes()
    assert run(tmp_path, "--codecs", "copy") == 1
    said = capsys.readouterr().err
    assert "decodes to other frames than those that were measured" in said
    assert "1 without the metrics" in said
    assert path.read_bytes() == content


def test_a_metric_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a suggestion."""
    with pytest.raises(SystemExit, match="2"):
        run(tmp_path, "--metrics", "vmaf_v2")
    assert "Did you mean 'vmaf_v1'?" in capsys.readouterr().err


@pytest.mark.process
@pytest.mark.skipif(not CAN_PIN, reason="this system cannot bind a process to a core")
def test_standard_codecs_encode_once_more_on_one_core(tmp_path: Path, all_cores: None) -> None:
    """The cost of that stands beside the other; a codec whose bytes depend on its cores fails."""
    assert run(tmp_path, "--codecs", "x265", "--points", "crf=46", "--one-core", "--metrics", "none") == 0
    (record,) = records(tmp_path)
    assert record.encode is not None
    assert record.encode_one_core is not None
    assert (record.encode.cores, record.encode_one_core.cores) == (len(os.sched_getaffinity(0)), 1)
    assert run(tmp_path, "--codecs", "witness", "--points", "point=2", "--metrics", "none") == 0
    assert [one.encode_one_core for one in records(tmp_path) if one.codec.name == "witness"] == [None]
