"""The path that users take: run, report, decode, and what tells them what there is."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from made import make

import bench
from bench import __version__
from bench.cli import COMMANDS, main
from bench.dataset import ClipWindow
from bench.records.record import Record
from bench.records.store import Store
from bench.registry import codecs, datasets

NERV = "nerv[fc_dim=2,lower_width=8,epochs=2]"
"""One rate point of a network."""


@dataclass(frozen=True)
class Finished:
    """A run that is done."""

    results: Path

    def record(self, codec: str) -> Record:
        """The first one of a codec."""
        return next(record for record in Store(self.results).records() if record.codec.name == codec)

    def stream(self, codec: str) -> Path:
        """That record's."""
        facts = self.record(codec).stream
        assert facts is not None
        return self.results / facts.path


@pytest.fixture
def finished(smoke_results: Path) -> Finished:
    """The tests' common run of a standard codec and of a learned one at the smallest preset."""
    return Finished(smoke_results)


@pytest.mark.process
@pytest.mark.train
def test_run_makes_a_record_of_every_cell(finished: Finished) -> None:
    """Four rate points of one codec and two of the other, all well."""
    records = list(Store(finished.results).records())
    assert [record.status for record in records] == ["ok"] * 6
    assert [record.codec.name for record in records] == ["nerv"] * 2 + ["x264"] * 4
    assert all(record.codec.label.startswith("nerv[fc_dim=2,") for record in records[:2])
    for record in records:
        assert record.stream is not None
        data = (finished.results / record.stream.path).read_bytes()
        assert record.stream.sha256 == hashlib.sha256(data).hexdigest()
        assert record.stream.size_bytes == len(data) == sum(record.stream.ledger.values())
        assert record.stream.bits_per_pixel == pytest.approx(8 * len(data) / (320 * 180 * 4))
        assert record.environment.bench == __version__
    rates = sorted((record.codec.parameters["crf"], record.stream) for record in records if record.codec.name == "x264")
    sizes = [stream.size_bytes for _, stream in rates if stream is not None]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.process
@pytest.mark.train
def test_quality_of_a_standard_codec_rises_with_its_rate(finished: Finished) -> None:
    """A sanity check of metrics that no unit test can give."""
    found = [record for record in Store(finished.results).records() if record.codec.name == "x264"]
    found.sort(key=lambda record: float(record.codec.parameters["crf"]))
    for name in ("psnr_rgb", "apsnr_rgb", "psnr_y", "ms_ssim_rgb"):
        values = [record.quality.clip[name] for record in found if record.quality]
        assert len(values) == 4
        assert values == sorted(values, reverse=True)


@pytest.mark.process
@pytest.mark.train
def test_report_is_written_and_found(finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables on standard output, files where it says."""
    results = tmp_path / "results"
    shutil.copytree(finished.results, results)
    assert main(["report", "--results", str(results)]) == 0
    printed = capsys.readouterr().out
    folder = results / "report"
    assert printed.rstrip().endswith(f"Report: {folder / 'report.html'}")
    assert "scaled down: preset smoke" in printed
    assert (folder / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    for line in (folder / "report.md").read_text(encoding="utf-8").split("## Provenance")[0].splitlines()[:12]:
        assert line in printed
    with (folder / "tables/records.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    first = finished.record("x264")
    assert first.stream is not None
    assert first.key in {row["key"] for row in rows}
    assert str(first.stream.size_bytes) in {row["stream.size_bytes"] for row in rows}
    assert {path.suffix for path in folder.iterdir() if path.is_file()} == {
        ".html", ".md", ".tex", ".svg", ".png", ".pdf", ".json",
    }  # fmt: skip
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".csv", ".parquet", ".json"}
    assert {path.suffix for path in (folder / "tex").iterdir()} == {".tex"}


def read_y4m(path: Path) -> tuple[list[str], bytes]:
    """The header's fields and the frames one after another, read by this test's own means."""
    header, _, rest = path.read_bytes().partition(b"\n")
    return header.decode().split(), b"".join(rest.split(b"FRAME\n"))


@pytest.mark.process
@pytest.mark.train
def test_standard_stream_decodes_to_the_measured_frames(finished: Finished, tmp_path: Path) -> None:
    """4:2:0 as it was decoded, bit for bit."""
    output = tmp_path / "out.y4m"
    assert main(["decode", str(finished.stream("x264")), "-o", str(output)]) == 0
    fields, frames = read_y4m(output)
    assert fields[0] == "YUV4MPEG2"
    assert {"W320", "H180", "F25:1"} <= set(fields)
    assert next(field for field in fields if field.startswith("C")).startswith("C420")
    assert hashlib.sha256(frames).hexdigest() == finished.record("x264").frames_sha256
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.process
@pytest.mark.train
def test_learned_stream_decodes_to_full_colour_resolution(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """4:4:4 of what the network gave in RGB, which ``.raw`` gives bit for bit."""
    stream = str(finished.stream("nerv"))
    raw, output = tmp_path / "out.raw", tmp_path / "out.y4m"
    assert main(["decode", stream, "-o", str(raw)]) == 0
    assert "4 frames of 320x180 rgb24, decoded in " in capsys.readouterr().err
    assert hashlib.sha256(raw.read_bytes()).hexdigest() == finished.record("nerv").frames_sha256
    assert main(["decode", stream, "-o", str(output)]) == 0
    fields, frames = read_y4m(output)
    assert {"W320", "H180", "F25:1"} <= set(fields)
    assert next(field for field in fields if field.startswith("C")).startswith("C444")
    assert len(frames) == 4 * 3 * 320 * 180
    rgb = np.frombuffer(raw.read_bytes(), np.uint8).reshape(4, 180, 320, 3).astype(float)
    luma = np.frombuffer(frames, np.uint8).reshape(4, 3, 180, 320)[:, 0]
    expected = 16 + rgb @ (np.array([65.481, 128.553, 24.966]) / 255)  # ITU-R BT.601
    assert np.abs(luma - expected).max() <= 2


# --- What tells users what there is


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own name in it."""
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"usage: python -m bench {command}" in capsys.readouterr().out


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what it does."""
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert all(name in printed and about in printed for name, about in COMMANDS.items())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The package's."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_ls_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """Codecs with their options, datasets with their sequences, presets."""
    assert main(["ls"]) == 0
    printed = capsys.readouterr().out
    for name in (*codecs.names(), *datasets.names(), "Jockey", "smoke", "quick", "crf=23", ".inr"):
        assert name in printed
    assert main(["ls", "datasets"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "datasets:"


@pytest.mark.usefixtures("fresh_registry")
def test_ls_shows_what_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside all that can."""
    monkeypatch.setenv("BENCH_CODECS", "bad=no_such_module:Bad")
    monkeypatch.setenv("BENCH_DATASETS", "worse=no_such_module:Worse")
    assert main(["ls"]) == 0
    printed = capsys.readouterr().out
    assert "broken: The codec 'bad' (no_such_module:Bad) cannot be loaded" in printed
    assert "broken: The dataset 'worse' (no_such_module:Worse) cannot be loaded" in printed
    assert "x264" in printed
    assert "smoke" in printed


def test_doctor_says_what_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All codecs with the bundled ffmpeg; a dataset that is not there is no illness."""
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path))
    assert main(["doctor"]) == 0
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()[::-1]}
    for name in codecs.names():
        assert lines[name].startswith("usable")
    assert "libx265 4." in lines["x265"]
    assert "GFLOPS in float32" in lines["speed"]
    assert "GiB free" in lines["cache"]
    assert lines["bunny"] == "complete"
    assert lines["uvg"].startswith("0 of 7 sequences are here; 16.2 GiB to fetch into ")
    assert "cores" in lines["machine"]


@pytest.mark.process
def test_a_users_own_video_goes_the_whole_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten bits, 4:2:2 and a shape of its own: found by its name, cut as asked, encoded where that is possible."""
    samples = np.random.default_rng(1).integers(64, 940, 5 * 200 * 120 * 2).astype("<u2")
    video = tmp_path / "videos" / "noise_200x120_50fps_422_10bit.yuv"
    video.parent.mkdir()
    video.write_bytes(samples.tobytes())
    command = ["run", "--codecs", "raw,x265[crf=40],svt-av1[crf=60]", "--dataset", str(video.parent)]
    command += ["--preset", "smoke", "--results", str(tmp_path / "results")]
    assert main([*command, "--crop", "160x96", "--frames", "3"]) == 0
    assert main(command) == 0
    found = {(one.codec.name, str(one.clip.yuv.format)): one for one in Store(tmp_path / "results").records()}
    for size in ("3 frames of 160x96", "4 frames of 200x120"):
        assert {name for name, form in found if form == f"{size} yuv422p10le"} == {"raw", "x265", "svt-av1"}
        assert found["raw", f"{size} yuv422p10le"].status == found["x265", f"{size} yuv422p10le"].status == "ok"
        assert "svt-av1 takes yuv420p, yuv420p10le" in str(found["svt-av1", f"{size} yuv422p10le"].reason)
    assert found["raw", "3 frames of 160x96 yuv422p10le"].clip.cut == ClipWindow(frames=3, crop=(160, 96))
    assert {one.clip.name for one in found.values()} == {"videos/noise_200x120_50fps_422_10bit"}
    assert main(["report", "--results", str(tmp_path / "results")]) == 0
    assert "cropped to 160x96" in capsys.readouterr().out


@pytest.mark.process
def test_module_is_a_program() -> None:
    """``python -m bench`` passes its exit status on, and prints no traceback."""
    command = [sys.executable, "-m", "bench", "run", "--codecs", "nerf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(sys.prefix), env=environment())
    assert done.returncode == 2
    assert done.stderr.startswith("bench: There is no codec 'nerf'. Did you mean 'nerv'?")
    assert "Traceback" not in done.stderr


def environment() -> dict[str, str]:
    """In which a child finds the `bench` that is being tested."""
    return {**os.environ, "PYTHONPATH": str(Path(bench.__file__).resolve().parent.parent)}


TABLE_2 = {
    "nerv[fc_dim=21]": ("2,853,465", "226.941"),
    "e-nerv[fc_dim=51,expansion=1]": ("2,706,729", "228.209"),
    "res-nerv[fc_dim=16,norm=bn]": ("3,073,235", "684.196"),
}


@pytest.mark.process
@pytest.mark.parametrize("codec", TABLE_2)
def test_complexity_of_the_paper_without_training(codec: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Table 2 of the Res-NeRV paper: parameters and GMACs at 1920x1080; the frame is really decoded."""
    assert main(["complexity", "--codecs", codec, "--preset", "paper", "--frames", "1"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == codec
    assert (cells[1], cells[2]) == TABLE_2[codec]
    assert float(cells[5]) > 0
    assert "network" in cells[6]


@pytest.mark.usefixtures("in_process")
def test_complexity_leaves_out_what_is_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    """And says so, once a codec."""
    options = ["complexity", "--codecs", f"x264,{NERV}", "--preset", "smoke", "--size", "64x36", "--frames", "3"]
    assert main(options) == 0
    printed = capsys.readouterr()
    assert "x264 is not a network" in printed.err
    assert printed.err.count("\n") == 1
    assert "3 frames of 64x36" in printed.out
    assert printed.out.count("nerv") == 1


def test_complexity_refuses_what_is_no_size(capsys: pytest.CaptureFixture[str]) -> None:
    """And no number of frames."""
    with pytest.raises(SystemExit, match="2"):
        main(["complexity", "--size", "1080p"])
    assert "write for example 1920x1080" in capsys.readouterr().err
    assert main(["complexity", "--frames", "0"]) == 2
    assert "must be at least 1" in capsys.readouterr().err


@pytest.mark.process
def test_dry_run_opens_no_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what is done by what records say: of the same clip and codec, whatever the preset was called."""
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    results = tmp_path / "results"
    run = ["run", "--codecs", "raw", "--preset", "smoke", "--results", str(results)]
    for arguments, state in (([], "to do"), (["--frames", "3"], "to do")):
        assert main([*run, *arguments, "--dry-run"]) == 0
        assert capsys.readouterr().out.splitlines()[0] == f"{state:6} bunny/bunny raw"
    assert not (tmp_path / "cache").exists()
    assert not results.exists()
    assert main(run) == 0
    shutil.rmtree(tmp_path / "cache")
    capsys.readouterr()
    cases = [([], "done"), (["--seed", "4"], "done"), (["--frames", "3"], "to do"), (["--crop", "320x180"], "to do")]
    cases += [(["--matrix", "bt709"], "to do"), (["--codecs", "raw,raw"], "done")]
    for arguments, state in cases:
        assert main([*run, *arguments, "--dry-run"]) == 0
        assert re.match(rf"{state:6} bunny/bunny raw(: about \d+ s)?\n\d of 1 cells", capsys.readouterr().out)
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("in_process")
def test_what_must_be_known_of_a_source_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the list of a user's own videos, before the first cell, in the record and in the report. The name may begin
    with a dash. The preset's size is larger than the video, which stays as it is; a dry run knows that it is done."""
    monkeypatch.chdir(tmp_path)
    make("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2,setsar=2", "-c:v", "libx264", "./-dash.mp4")
    note = "pixels of 2:1, not square, measured as they are stored"
    assert main(["ls", "./-dash.mp4"]) == 0
    assert f"note: {note}" in capsys.readouterr().out
    run = ["run", "--codecs", "raw", "--preset", "smoke", "--dataset", "-dash.mp4", "--results", "results"]
    assert main(run) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"note: dash/dash: {note}"
    assert "raw" in told[1]
    (record,) = Store(Path("results")).records()
    assert record.clip.source.notes == (note,)
    assert (record.clip.yuv.format.width, record.clip.cut) == (64, ClipWindow(frames=4))
    assert main([*run, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("done   dash/dash raw")
    assert main(["report", "--results", "results"]) == 0
    assert f"dash: {note}." in Path("results/report/report.md").read_text(encoding="utf-8")


@pytest.mark.process
def test_output_that_a_terminal_cannot_show(tmp_path: Path) -> None:
    """Under an ASCII locale signs become escapes, and nothing crashes."""
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    environment |= {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    command = [sys.executable, "-m", "bench", "run", "--codecs", "raw", "--dataset", "./nichts-für-ungut.mp4"]
    done = subprocess.run(command, env=environment, capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert b"does not exist" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.process
def test_windows_is_refused_at_the_first_import() -> None:
    """In a sentence, before anything that only POSIX has is missing."""
    code = "import sys; sys.platform = 'win32'; import bench"
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "ImportError: implicit-video-bench does not run on Windows" in done.stderr


@pytest.mark.process
def test_a_results_directory_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    """Everything lies below it, and all of it works: bytes that no text has are a name like any other."""
    results = tmp_path / os.fsdecode(b"r\xe9sultats")
    assert main(["run", "--codecs", "x264[crf=40]", "--preset", "smoke", "--results", str(results)]) == 0
    (record,) = Store(results).records()
    assert record.status == "ok"
    assert record.stream is not None
    output = tmp_path / os.fsdecode(b"o\xe9.y4m")
    assert main(["decode", str(results / record.stream.path), "-o", str(output)]) == 0
    assert output.stat().st_size > 4 * 320 * 180
    assert main(["report", "--results", str(results)]) == 0
