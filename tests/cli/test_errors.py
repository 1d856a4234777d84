"""What users get wrong: exit status 2, one message that helps, no traceback, nothing left behind."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import main
from bench.codec import Job
from bench.codecs.nerv import NeRV
from bench.codecs.res_nerv import ResNeRV
from bench.dataset import Clip
from bench.errors import CodecError, UsageError
from bench.records.store import Store
from bench.runs.cell import run_cell
from bench.runs.plan import PlannedCell
from bench.video import ffmpeg
from bench.video.y4m import write_y4m

Fail = Callable[..., str]


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Fail:
    """Runs a command that must fail, and gives its message."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == 2
        out, message = capsys.readouterr()
        assert out == ""
        assert message.startswith("bench: ")
        assert "Traceback" not in message
        return message.removeprefix("bench: ")

    return run


# --- Names and options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--codecs", "nerf"], "There is no codec 'nerf'. Did you mean 'nerv'? Known: raw, x264, "),
        (["--codecs", "x264,h265"], "There is no codec 'h265'. Did you mean 'x265'?"),
        (
            ["--dataset", "buny"],
            "There is no dataset 'buny'. Did you mean 'bunny'? Known: bunny, uvg, a path",
        ),
        (["--preset", "smok"], "There is no preset 'smok'. Did you mean 'smoke'? Known: "),
        (
            ["--dataset", "uvg", "--sequences", "Jokey"],
            "There is no sequence of uvg 'Jokey'. Did you mean 'Jockey'? Known: Beauty, ",
        ),
        (
            ["--codecs", "x265[presett=slow]"],
            "There is no option of x265 'presett'. Did you mean 'preset'? Known: crf, bitrate_kbps, preset,",
        ),
        (["--codecs", "x265[preset=quick]"], "x265: Invalid enum value 'quick' - at `$.preset`"),
        (["--codecs", "x264[crf=low]"], "x264: Expected `float`, got `str` - at `$.crf`"),
        (["--codecs", "nerv[weights=zip]"], "nerv: "),
        (["--codecs", "nerv[target=loud]"], "'loud' is no target. A loss (-0.1dB), a PSNR (32.5dB), a rate"),
        (["--codecs", "nerv[weights=tuned,target=8bit]"], "nerv: weights=tuned cannot aim at 8bit"),
        (["--codecs", "nerv[epochs=0]"], "nerv: epochs must be at least 1, not 0."),
        (["--codecs", "nerv[recipe=long]"], "nerv: "),
        (["--codecs", "x265[preset=slow"], "'x265[preset=slow' does not name a codec. Write for example"),
    ],
)
def test_wrong_name_or_option(arguments: list[str], message: str, fail: Fail, tmp_path: Path) -> None:
    """The nearest right one is suggested, before anything is decoded or written."""
    preset = [] if "--preset" in arguments else ["--preset", "smoke"]
    said = fail("run", *preset, *arguments, "--results", tmp_path / "results")
    assert said.startswith(message)
    assert not (tmp_path / "results").exists()


def test_option_without_a_value(fail: Fail, tmp_path: Path) -> None:
    """It does not stand for true."""
    assert "preset" in fail("run", "--preset", "smoke", "--codecs", "x265[preset]", "--results", tmp_path / "r")


@pytest.mark.parametrize("arguments", [[], ["walk"], ["run", "--sides", "3"], ["run", "--seed", "x"], ["decode", "a"]])
def test_malformed_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own message, and the same exit status."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert "usage: python -m bench" in capsys.readouterr().err


# --- Places


def test_unwritable_results(fail: Fail, tmp_path: Path) -> None:
    """Found before the first cell. (A folder below a file: tests may run as root.)"""
    (tmp_path / "file").touch()
    said = fail("run", "--preset", "smoke", "--codecs", "raw", "--results", tmp_path / "file" / "results")
    assert f"Cannot write {tmp_path / 'file'}" in said
    assert "Choose another directory with --results." in said


def test_unwritable_cache(fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable that moves it."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file" / "cache"))
    said = fail("run", "--preset", "smoke", "--codecs", "raw", "--results", tmp_path / "results")
    assert "BENCH_CACHE" in said


def test_missing_sequences(fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is named, with its address and what to do."""
    monkeypatch.setenv("BENCH_DATA_ROOT", str(tmp_path / "nowhere"))
    said = fail("run", "--dataset", "uvg", "--preset", "smoke", "--results", tmp_path / "results")
    assert said.count(str(tmp_path / "nowhere")) == 7
    assert said.count("https://ultravideo.fi/video/") == 7
    assert "python -m bench fetch uvg Beauty Bosphorus" in said


# --- ffmpeg


@pytest.mark.usefixtures("fresh_ffmpeg")
@pytest.mark.parametrize("arguments", [["run", "--preset", "smoke", "--codecs", "raw"]])
def test_missing_ffmpeg(arguments: list[str], fail: Fail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both cures are named."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    said = fail(*arguments, "--results", tmp_path / "results")
    assert "IMAGEIO_FFMPEG_EXE names '/nowhere/ffmpeg'" in said
    assert "pip install imageio-ffmpeg" in said


@pytest.mark.usefixtures("fresh_ffmpeg")
def test_doctor_without_ffmpeg(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes on, says what is not usable, and its exit status says so too."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    assert main(["doctor"]) == 1
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()[::-1]}
    assert lines["ffmpeg"].startswith("not usable: No usable ffmpeg")
    assert lines["x264"].startswith("not usable: No usable ffmpeg")
    assert lines["raw"] == "usable"
    assert lines["nerv"].startswith("usable (torch ")


@pytest.fixture
def poor_ffmpeg(fresh_ffmpeg: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build like the usual one, but without VVenC."""
    real = shlex.quote(ffmpeg.binary())
    script = tmp_path / "ffmpeg"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in\n*-encoders*) {real} "$@" | grep -v libvvenc ;;\n*) exec {real} "$@" ;;\nesac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script))
    ffmpeg.binary.cache_clear()
    ffmpeg.encoders.cache_clear()


@pytest.mark.usefixtures("in_process", "poor_ffmpeg")
def test_missing_encoder_skips_its_codec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason in the record, and the others run."""
    assert main(["run", "--preset", "smoke", "--codecs", "vvenc,raw", "--results", str(tmp_path / "results")]) == 0
    assert "4 skipped, 1 ok." in capsys.readouterr().err
    records = list(Store(tmp_path / "results").records())
    assert {(record.codec.name, record.status) for record in records} == {("vvenc", "skipped"), ("raw", "ok")}
    for record in records:
        if record.status == "skipped":
            assert "no encoder libvvenc" in (record.reason or "")


@pytest.mark.usefixtures("poor_ffmpeg")
def test_doctor_finds_a_missing_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    """And that the others are there."""
    assert main(["doctor"]) == 1
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()[::-1]}
    assert "has no encoder libvvenc" in lines["vvenc"]
    assert lines["x264"].startswith("usable (ffmpeg ")
    assert "libx264 core " in lines["x264"]


# --- decode


def test_decoding_nothing(fail: Fail, tmp_path: Path) -> None:
    """A path that is wrong."""
    said = fail("decode", tmp_path / "none.264", "-o", tmp_path / "out.y4m")
    assert said == f"{tmp_path / 'none.264'} does not exist.\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["video.mp4", "video"])
def test_decoding_what_no_codec_writes(name: str, fail: Fail, tmp_path: Path) -> None:
    """The suffixes that can be decoded are listed."""
    (tmp_path / name).write_bytes(b"something")
    said = fail("decode", tmp_path / name, "-o", tmp_path / "out.y4m")
    assert name in said
    assert ".y4m, .264, .265, .obu, .266, .inr" in said


def test_decoding_to_an_unknown_form(fail: Fail, tmp_path: Path) -> None:
    """Said before any decoding."""
    said = fail("decode", tmp_path / "none.264", "-o", tmp_path / "out.avi")
    assert "out.avi" in said
    assert ".y4m, .raw" in said


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("suffix", "data"), [(".y4m", b""), (".264", b""), (".264", b"this is no video"), (".inr", b"this is no video")]
)
def test_decoding_a_damaged_stream(suffix: str, data: bytes, fail: Fail, tmp_path: Path) -> None:
    """Leaves the old output and no half of a new one."""
    (tmp_path / "out.y4m").write_bytes(b"old")
    (tmp_path / f"bad{suffix}").write_bytes(data)
    assert f"bad{suffix}" in fail("decode", tmp_path / f"bad{suffix}", "-o", tmp_path / "out.y4m")
    assert (tmp_path / "out.y4m").read_bytes() == b"old"
    assert {path.name for path in tmp_path.iterdir()} == {"out.y4m", f"bad{suffix}"}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("suffix", [".y4m", ".raw"])
def test_decoding_to_no_folder(suffix: str, fail: Fail, tiny: Clip, tmp_path: Path) -> None:
    """The path is named."""
    write_y4m(tiny.yuv, tmp_path / "a.y4m")
    output = tmp_path / "none" / f"out{suffix}"
    assert fail("decode", tmp_path / "a.y4m", "-o", output).startswith(f"Cannot write {output}: ")


# --- report


@pytest.mark.parametrize("name", [".", "nowhere"])
def test_report_on_nothing(name: str, fail: Fail, tmp_path: Path) -> None:
    """What to do first is named, and no folder appears."""
    assert "python -m bench run" in fail("report", "--results", tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("in_process")
def test_report_on_a_damaged_record(
    fail: Fail, make_cell: Callable[..., PlannedCell], store: Store, tmp_path: Path
) -> None:
    """File and field are named, and the report that was there stays."""
    cell = make_cell("raw")
    run_cell(cell, store, lambda *_, **__: None)
    path = store.record_path(cell.file_name)
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    said = fail("report", "--results", store.root)
    assert said.startswith(f"{path} is not a readable record: ")
    assert "a run of its cell moves it into set_aside" in said

    table = json.loads(whole)
    table["stream"]["size_bytes"] = "large"
    path.write_text(json.dumps(table))
    assert "Expected `int`, got `str` - at `$.stream.size_bytes`" in fail("report", "--results", store.root)
    assert not (store.root / "report").exists()
    shutil.rmtree(store.root)


@pytest.mark.parametrize("seed", ["-1", "1.5", "4294967296", "one"])
def test_seeds_that_no_library_takes(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """They are refused before anything is opened."""
    with pytest.raises(SystemExit, match="2"):
        main(["run", "--codecs", "nerv", f"--seed={seed}", "--dry-run"])
    assert "is not a seed; write a whole number from 0" in capsys.readouterr().err


def test_a_rate_below_the_header_is_refused_before_training(store: Store, clip: Clip) -> None:
    """With what is allowed and what is needed."""
    codec = NeRV(fc_dim=2, lower_width=4, stem_dim=4, levels=4, target="0.001bpp")
    job = Job(0, store.root, store.root / "checkpoints", lambda *_, **__: None)
    with pytest.raises(CodecError, match=r"0\.001bpp allows 29 bytes on bunny/bunny; the header alone takes \d+"):
        codec.encode(clip, store.root / "a.inr", job)
    assert job.watch.seconds == {}


def test_parameters_that_a_stream_cannot_hold_are_refused() -> None:
    """When the codec is made."""
    with pytest.raises(UsageError, match=r"res-nerv: the network's parameters take 3\d+ bytes in a stream; 255 is the"):
        ResNeRV(norm="n" * 300)  # type: ignore[arg-type]
