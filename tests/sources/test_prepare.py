"""Clips in the cache: made once, checked whenever they are used, rebuilt when damaged."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest
from filelock import FileLock

import bench
from bench.dataset import Clip, ClipWindow, ShrinkingWindow, Source
from bench.errors import StoreError, ToolError, UsageError
from bench.sources import contents
from bench.sources.prepare import prepare_clip
from bench.video import ffmpeg
from bench.video.colour import Matrix
from bench.video.raw import RawVideo, VideoFormat

FORM = VideoFormat(64, 48, 5, Fraction(25), "yuv420p")
Prepare = Callable[..., Clip]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Prepares five planted frames in a cache of the test's own."""
    whole = RawVideo(tmp_path / "whole.yuv", FORM)
    whole.path.write_bytes(np.random.default_rng(3).integers(16, 236, FORM.size_bytes, np.uint8).tobytes())
    source = Source("planted", "noise", "CC0", "numpy", whole.sha256(), FORM.frames)

    def make(cut: ClipWindow = ClipWindow(), source: Source = source, matrix: Matrix = "bt601") -> Clip:  # noqa: B008
        return prepare_clip(source, ffmpeg.raw_input(whole), FORM, cut, tmp_path / "cache", matrix)

    return make


def test_whole_clip_is_the_source(prepare: Prepare, tmp_path: Path) -> None:
    """Without a cut not a bit changes."""
    clip = prepare()
    assert clip.yuv.path.read_bytes() == (tmp_path / "whole.yuv").read_bytes()
    assert clip.yuv.format == FORM
    assert clip.rgb.format == replace(FORM, pixel_format="rgb24")


def test_cut_in_time_keeps_the_first_frames(prepare: Prepare, tmp_path: Path) -> None:
    """Exactly as they are; a cut longer than the source is the source."""
    assert (
        prepare(ClipWindow(frames=2)).yuv.path.read_bytes()
        == (tmp_path / "whole.yuv").read_bytes()[: 2 * FORM.frame_bytes]
    )
    assert prepare(ClipWindow(frames=50)).yuv.format.frames == 5


def test_cut_in_size_scales_the_whole_picture(prepare: Prepare) -> None:
    """Every frame, to the size, with about the same mean."""
    clip = prepare(ClipWindow(32, 24))
    assert str(clip.yuv.format) == "5 frames of 32x24 yuv420p"
    assert str(clip.rgb.format) == "5 frames of 32x24 rgb24"
    for small, large in zip(clip.yuv.read_frames(), prepare().yuv.read_frames(), strict=True):
        assert abs(float(small[0].mean()) - float(large[0].mean())) < 3


def test_digests_are_those_of_the_files(prepare: Prepare) -> None:
    """Of both of them."""
    clip = prepare()
    assert clip.yuv_sha256 == hashlib.sha256(clip.yuv.path.read_bytes()).hexdigest()
    assert clip.rgb_sha256 == hashlib.sha256(clip.rgb.path.read_bytes()).hexdigest()


def refuse(*_: object, **__: object) -> NoReturn:
    """Stands where ffmpeg would be run."""
    raise AssertionError("ffmpeg was run again")


def test_cached_clip_is_used_again(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without running ffmpeg, and exactly as it was."""
    first = prepare()
    monkeypatch.setattr(ffmpeg, "write_frames", refuse)
    assert prepare() == first
    with pytest.raises(AssertionError, match="run again"):
        prepare(ClipWindow(frames=1))


def test_what_decides_the_content_has_its_own_folder(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source, cut or ffmpeg never finds this clip."""
    first = prepare()
    source = replace(first.source, sha256="00" * 32)
    folders = {
        first.yuv.path.parent,
        prepare(ClipWindow(frames=4)).yuv.path.parent,
        prepare(source=source).yuv.path.parent,
    }
    with monkeypatch.context() as patch:
        patch.setattr(ffmpeg, "version", lambda: "another")
        folders.add(prepare().yuv.path.parent)
    assert len(folders) == 4


def kept(cache: Path) -> list[Path]:
    """What lies in a cache beside its locks and what it remembers of files."""
    return [path for path in cache.iterdir() if path.suffix != ".lock" and path.name != "contents"]


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def halve(path: Path) -> None:
    """Keep the first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("name", ["clip.yuv", "clip.rgb", "clip.json"])
@pytest.mark.parametrize("hurt", [flip, halve, Path.unlink])
def test_damaged_clip_is_made_again(name: str, hurt: Callable[[Path], None], prepare: Prepare) -> None:
    """Whichever of its files is hurt, and however."""
    first = prepare()
    folder = first.yuv.path.parent
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"clip.yuv", "clip.rgb", "clip.json"}
    hurt(folder / name)
    assert prepare() == first
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after | {"clip.json": b""} == before | {"clip.json": b""}
    assert kept(folder.parent) == [folder]


def test_failure_leaves_nothing(prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half clip that a later run could take for a whole one."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise ToolError("planted")

    monkeypatch.setattr(ffmpeg, "write_frames", fail)
    with pytest.raises(ToolError, match="planted"):
        prepare()
    assert not kept(tmp_path / "cache")


def test_source_rate_is_that_of_the_cut(prepare: Prepare) -> None:
    """Sending the source costs what it costs, over as many pixels as are left."""
    clip = prepare(ClipWindow(32, 24))
    assert clip.source_bits_per_pixel is None
    coded = replace(clip, source=replace(clip.source, coded_bytes=960))
    assert coded.source_bits_per_pixel == pytest.approx(8 * 960 / (5 * 32 * 24))


@pytest.mark.parametrize("crop", [(32, 24), (30, 22), (33, 25), (64, 48), (64, 2)])
def test_crop_is_the_window_in_the_middle(crop: tuple[int, int], prepare: Prepare) -> None:
    """Sample by sample, its corner on a whole chroma sample; odd sizes round chroma up."""
    width, height = crop
    clip = prepare(ClipWindow(crop=crop))
    assert (clip.yuv.format.width, clip.yuv.format.height) == crop
    left, top = (64 - width) // 4, (48 - height) // 4
    for cropped, whole in zip(clip.yuv.read_frames(), prepare().yuv.read_frames(), strict=True):
        for plane, full, step in zip(cropped, whole, (1, 2, 2), strict=True):
            rows, columns = slice(top * 2 // step, None), slice(left * 2 // step, None)
            assert (plane == full[rows, columns][: -(-height // step), : -(-width // step)]).all()


@pytest.mark.parametrize(
    ("cut", "size"),
    [
        (ClipWindow(height=24), (32, 24)),
        (ClipWindow(width=32), (32, 24)),
        (ClipWindow(height=22), (30, 22)),
        (ClipWindow(height=12, crop=(48, 48)), (12, 12)),
        (ClipWindow(height=2, crop=(2, 48)), (2, 2)),
    ],
)
def test_one_side_alone_keeps_the_shape(cut: ClipWindow, size: tuple[int, int], prepare: Prepare) -> None:
    """To the nearest even number, of what cropping leaves."""
    form = prepare(cut).yuv.format
    assert (form.width, form.height) == size


def test_crop_comes_before_scaling(prepare: Prepare, tmp_path: Path) -> None:
    """A window that is scaled is what scaling the window gives."""
    both, window = prepare(ClipWindow(16, 12, crop=(32, 24))), prepare(ClipWindow(crop=(32, 24)))
    again = prepare_clip(
        replace(window.source, sha256="11" * 32),
        ffmpeg.raw_input(window.yuv),
        window.yuv.format,
        ClipWindow(16, 12),
        tmp_path / "cache",
        "bt601",
    )
    assert both.yuv_sha256 == again.yuv_sha256


def test_window_that_does_not_fit_is_an_error(prepare: Prepare) -> None:
    """With both sizes."""
    with pytest.raises(UsageError, match="65x48 does not fit into 64x48"):
        prepare(ClipWindow(crop=(65, 48)))


def test_a_clip_says_what_was_cut(prepare: Prepare) -> None:
    """As little as is true: a cut that changes nothing is none."""
    assert prepare(ClipWindow(64, 48, 5, (64, 48))).cut == ClipWindow()
    assert prepare(ClipWindow(frames=9)).cut == ClipWindow()
    assert prepare(ClipWindow(32, 24, 2, (32, 48))).cut == ClipWindow(32, 24, 2, (32, 48))
    assert prepare(ClipWindow(32, 24, 2, (32, 24))).cut == ClipWindow(None, None, 2, (32, 24))


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (None, 24, (32, 24)),
        (32, None, (32, 24)),
        (None, 48, (64, 48)),
        (None, 180, (64, 48)),
        (320, 180, (64, 48)),
        (32, 96, (64, 48)),
        (None, None, (64, 48)),
    ],
)
def test_a_preset_scales_down_and_never_up(
    width: int | None, height: int | None, expected: tuple[int, int], prepare: Prepare
) -> None:
    """In no direction; and then nothing was scaled. A size that was asked for by hand is taken as it is, and said."""
    clip = prepare(ShrinkingWindow(width, height))
    assert (clip.yuv.format.width, clip.yuv.format.height) == expected
    assert (clip.cut == ClipWindow()) == (expected == (64, 48))
    assert clip.enlarged_from is None
    assert clip.cut.equals(ShrinkingWindow(width, height), clip.yuv.format, clip.source.frames)
    assert not clip.cut.equals(ShrinkingWindow(16, 12), clip.yuv.format, clip.source.frames)


@pytest.mark.parametrize("size", [(319, 179), (319, 180), (63, 47), (181, 321)])
def test_odd_sizes_that_a_preset_does_not_scale_stay(size: tuple[int, int]) -> None:
    """Not a column more."""
    full = replace(FORM, width=size[0], height=size[1])
    form = ShrinkingWindow(height=max(180, size[1])).format_of(full)
    assert (form.width, form.height) == size


def test_what_was_enlarged_by_hand_says_so(prepare: Prepare) -> None:
    """From what, and to what."""
    clip = prepare(ClipWindow(128, 96))
    known = replace(clip, source=replace(clip.source, size=(64, 48)))
    assert known.enlarged_from == (64, 48)
    assert known.notes == ("enlarged from 64x48 to 128x96",)
    assert clip.enlarged_from is None  # a record from before the size was noted
    cropped = replace(prepare(ClipWindow(64, 48, crop=(32, 24))), source=known.source)
    assert cropped.notes == ("enlarged from 32x24 to 64x48",)


def test_equal_sizes_of_other_content_are_not_confused(prepare: Prepare) -> None:
    """Cropped, scaled, and by another matrix: four clips of one size."""
    clips = [
        prepare(ClipWindow(32, 24)),
        prepare(ClipWindow(crop=(32, 24))),
        prepare(ClipWindow(32, 24, crop=(48, 48))),
    ]
    clips.append(prepare(ClipWindow(32, 24), matrix="bt709"))
    assert len({clip.yuv.path for clip in clips}) == 4
    assert len({clip.rgb_sha256 for clip in clips}) == 4
    assert clips[0].yuv_sha256 == clips[3].yuv_sha256
    assert [clip.matrix for clip in clips] == ["bt601", "bt601", "bt601", "bt709"]


def test_digests_are_not_computed_again(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that nothing touched are not read; one that was touched is, and is accepted if it is the same."""
    first = prepare()
    reads: list[Path] = []

    def count(path: Path) -> str:
        reads.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(contents, "file_sha256", count)
    monkeypatch.setattr(ffmpeg, "write_frames", refuse)
    assert prepare() == first
    assert reads == []
    first.rgb.path.touch()
    assert prepare() == first
    assert reads == [first.rgb.path]
    assert prepare() == first
    assert len(reads) == 1


def test_a_full_cache_is_said_before_anything_is_written(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is free and what it takes."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StoreError, match=r"0\.0 GiB free.* 5 frames of 64x48 yuv420p .* 0\.0"):
        prepare()
    assert not kept(tmp_path / "cache")


def test_processes_that_ask_for_one_clip_make_it_once(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first and takes what it made."""
    write, runs = ffmpeg.write_frames, []

    def slow(*what: Any, **how: Any) -> Any:
        runs.append(what)
        time.sleep(0.2)
        return write(*what, **how)

    monkeypatch.setattr(ffmpeg, "write_frames", slow)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: prepare(), range(2))
    assert first == second
    assert len(runs) == 2  # the cut and the conversion
    assert len(kept(tmp_path / "cache")) == 1


def test_what_a_killed_process_left_of_any_clip_goes(prepare: Prepare, tmp_path: Path) -> None:
    """Unless another process is at it; clips whose names hold a dot stay."""
    for name in (".preparing-left-0.abc", ".preparing-held-0.def", "my.clip-0"):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "clip.rgb").write_bytes(b"gigabytes")
    with FileLock(tmp_path / "cache" / ".held-0.lock"):
        prepare()
    folders = {path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()}
    assert {".preparing-held-0.def", "my.clip-0"} < folders
    assert ".preparing-left-0.abc" not in folders


ENDLESS = """
import sys
from fractions import Fraction
from pathlib import Path
import ffmpeg
from bench.dataset import ClipWindow, Source
from bench.sources.prepare import prepare_clip
from bench.video.raw import VideoFormat
form = VideoFormat(64, 48, 5000, Fraction(25), "yuv420p")
stream = ffmpeg.input("testsrc=size=64x48:rate=25", format="lavfi").filter("realtime")
prepare_clip(Source("a", "b", "c", "d", "e", 5000), stream, form, ClipWindow(), Path(sys.argv[1]), "bt601")
"""


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_process_takes_its_ffmpeg_along(tmp_path: Path) -> None:
    """Else it would write the rest of a long video for nobody."""
    environment = os.environ | {"PYTHONPATH": str(Path(bench.__file__).parents[1])}
    deadline = time.monotonic() + 60
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path / "cache")], env=environment) as process:
        while not list((tmp_path / "cache").glob(".preparing-*/*/clip.yuv")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    survived = Path(f"/proc/{child}").exists()
    if survived:
        os.kill(int(child), signal.SIGKILL)
    assert not survived
