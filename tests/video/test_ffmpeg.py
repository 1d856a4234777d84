"""Running ffmpeg: what it can do, and how its failures are stated."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import ffmpeg as commands
import numpy as np
import pytest

from bench.dataset import Clip
from bench.errors import StoreError, ToolError
from bench.files import Content
from bench.video import colour, export, ffmpeg
from bench.video.raw import RawVideo, VideoFormat


def test_bundled_build_has_every_encoder() -> None:
    """The four that standard codecs ask for; a made-up one is missing, with a cure."""
    assert {"libx264", "libx265", "libsvtav1", "libvvenc"} <= ffmpeg.encoders()
    assert ffmpeg.missing_encoder("libx264") is None
    assert "-encoders" not in ffmpeg.encoders()
    said = ffmpeg.missing_encoder("libplanted") or ""
    assert ffmpeg.version() in said
    assert "no encoder libplanted" in said
    assert "imageio-ffmpeg" in said


@pytest.mark.usefixtures("fresh_ffmpeg")
def test_missing_ffmpeg_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which names the variable that leads nowhere, and both cures."""
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    with pytest.raises(ToolError, match=r"IMAGEIO_FFMPEG_EXE names '/nowhere/ffmpeg'.*pip install imageio-ffmpeg"):
        ffmpeg.version()


@pytest.mark.usefixtures("fresh_ffmpeg")
def test_program_that_fails_is_no_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is tried before it is trusted."""
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "ffmpeg"))
    with pytest.raises(ToolError, match="which does not run"):
        ffmpeg.binary()


def test_failure_names_command_and_messages(tmp_path: Path) -> None:
    """Enough to run it again by hand."""
    output = commands.input(str(tmp_path / "no such file")).output(str(tmp_path / "out.264"))
    with pytest.raises(ToolError) as caught:
        ffmpeg.run(output, "Planting")
    first, command, *messages = str(caught.value).splitlines()
    assert first.startswith("Planting: ffmpeg exited with status ")
    assert f"-i '{tmp_path}/no such file'" in command
    assert command.startswith(ffmpeg.binary())
    assert any("No such file or directory" in message for message in messages)


def test_success_keeps_command_and_output(tiny: Clip) -> None:
    """The frames, and how they were made."""
    output = ffmpeg.raw_input(tiny.yuv).output("-", format="rawvideo", pix_fmt="yuv420p")
    done = ffmpeg.run(output, "Copying")
    assert done.stdout == tiny.yuv.path.read_bytes()
    assert str(tiny.yuv.path) in done.command
    assert "rawvideo" in done.stderr


def test_strict_makes_concealed_errors_fatal(clip: Clip, tmp_path: Path) -> None:
    """ffmpeg hides damage by default; a benchmark must not."""
    path = tmp_path / "a.264"
    output = ffmpeg.raw_input(clip.yuv).output(str(path), format="h264", vcodec="libx264", threads=1)
    ffmpeg.run(output, "Encoding")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(range(1, 65))
    path.write_bytes(data)
    decoding = commands.input(str(path), format="h264").output("-", format="null")
    ffmpeg.run(decoding, "Decoding")
    with pytest.raises(ToolError):
        ffmpeg.run(decoding, "Decoding", strict=True)


def test_format_is_probed_from_the_first_frame(clip: Clip, tmp_path: Path) -> None:
    """Size and rate, and no count."""
    path = tmp_path / "a.264"
    ffmpeg.run(ffmpeg.raw_input(clip.yuv).output(str(path), format="h264", vcodec="libx264"), "Encoding")
    found = ffmpeg.probe(commands.input(str(path), format="h264"), "a.264")
    assert found == ffmpeg.Probe(replace(clip.yuv.format, frames=0), "h264", "yuv420p")


def test_digest_of_decoded_frames_is_that_of_the_file(tiny: Clip) -> None:
    """Streamed from ffmpeg, it is the file's own, and so is the size."""
    found = ffmpeg.decoded_content(ffmpeg.raw_input(tiny.yuv), "yuv420p", "Reading")
    assert found == Content(tiny.yuv_sha256, tiny.yuv.format.size_bytes)


# --- Colour


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((126, 128, 128), (128, 128, 128)),
        ((81, 90, 240), (255, 0, 0)),
        ((145, 54, 34), (0, 255, 0)),
        ((41, 240, 110), (0, 0, 255)),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(32, 32), (1280, 720)])
def test_colours_are_bt601_of_limited_range(
    yuv: tuple[int, int, int], rgb: tuple[int, int, int], width: int, height: int, tmp_path: Path
) -> None:
    """The primaries of ITU-R BT.601, whatever the size: BT.709 would be off by 15 and more."""
    form = VideoFormat(width, height, 1, Fraction(25), "yuv420p")
    video = RawVideo(tmp_path / "a.yuv", form)
    video.path.write_bytes(b"".join(bytes([v]) * int(np.prod(s)) for v, s in zip(yuv, form.plane_shapes, strict=True)))
    ((picture,),) = colour.convert(video, "rgb24", tmp_path / "a.rgb", "bt601").read_frames()
    assert np.abs(picture.astype(int) - rgb).max() <= 2
    back = colour.converted_frames(
        RawVideo(tmp_path / "a.rgb", replace(form, pixel_format="rgb24")), "yuv420p", "bt601"
    )
    for plane, value in zip(next(iter(back)), yuv, strict=True):
        assert np.abs(plane.astype(int) - value).max() <= 2


def test_conversion_of_odd_sizes(tmp_path: Path) -> None:
    """No row and no column is lost."""
    form = VideoFormat(33, 17, 2, Fraction(25), "yuv420p")
    video = RawVideo(tmp_path / "a.yuv", form)
    video.path.write_bytes(bytes([128]) * form.size_bytes)
    pictures = list(colour.convert(video, "rgb24", tmp_path / "a.rgb", "bt601").read_frames())
    assert len(pictures) == 2
    assert all((picture == 130).all() for (picture,) in pictures)


# --- Export


@pytest.mark.parametrize("suffix", [".raw", ".y4m"])
def test_export_is_whole_or_absent(suffix: str, tiny: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure leaves the old file and nothing beside it."""
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"old")

    def fail(video: RawVideo, matrix: colour.Matrix, made: Path) -> None:
        made.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(export.WRITERS, suffix, fail)
        with pytest.raises(StoreError, match=f"Cannot write {path}: .*No space left"):
            export.export(tiny.yuv, "bt601", path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    export.export(tiny.yuv, "bt601", path)
    assert tiny.yuv.path.read_bytes()[:48] in path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_export_into_no_folder_is_an_error(tiny: Clip, tmp_path: Path) -> None:
    """Of the package's own kind."""
    with pytest.raises(StoreError, match="Cannot write"):
        export.export(tiny.yuv, "bt601", tmp_path / "none" / "out.y4m")
