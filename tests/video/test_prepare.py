"""Clips in the cache: made once, checked whenever they are used, rebuilt when damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from bench.dataset import Clip, Cut, Source
from bench.errors import ToolError
from bench.video import ffmpeg
from bench.video.prepare import prepare_clip
from bench.video.raw import RawVideo, VideoFormat

FORM = VideoFormat(64, 48, 5, Fraction(25), "yuv420p")
Prepare = Callable[..., Clip]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Prepares five planted frames in a cache of the test's own."""
    whole = RawVideo(tmp_path / "whole.yuv", FORM)
    whole.path.write_bytes(np.random.default_rng(3).integers(16, 236, FORM.size_bytes, np.uint8).tobytes())
    source = Source("planted", "noise", "CC0", "numpy", whole.sha256(), FORM.frames)

    def make(cut: Cut = Cut(), source: Source = source) -> Clip:  # noqa: B008
        return prepare_clip(source, ffmpeg.raw_input(whole), FORM, cut, tmp_path / "cache")

    return make


def test_whole_clip_is_the_source(prepare: Prepare, tmp_path: Path) -> None:
    """Without a cut not a bit changes."""
    clip = prepare()
    assert clip.yuv.path.read_bytes() == (tmp_path / "whole.yuv").read_bytes()
    assert clip.yuv.format == FORM
    assert clip.rgb.format == replace(FORM, pixel_format="rgb24")


def test_cut_in_time_keeps_the_first_frames(prepare: Prepare, tmp_path: Path) -> None:
    """Exactly as they are; a cut longer than the source is the source."""
    assert prepare(Cut(frames=2)).yuv.path.read_bytes() == (tmp_path / "whole.yuv").read_bytes()[: 2 * FORM.frame_bytes]
    assert prepare(Cut(frames=50)).yuv.format.frames == 5


def test_cut_in_size_scales_the_whole_picture(prepare: Prepare) -> None:
    """Every frame, to the size, with about the same mean."""
    clip = prepare(Cut(32, 24))
    assert str(clip.yuv.format) == "5 frames of 32x24 yuv420p"
    assert str(clip.rgb.format) == "5 frames of 32x24 rgb24"
    for small, large in zip(clip.yuv.frames(), prepare().yuv.frames(), strict=True):
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
    monkeypatch.setattr(ffmpeg, "run", refuse)
    assert prepare() == first
    with pytest.raises(AssertionError, match="run again"):
        prepare(Cut(frames=1))


def test_what_decides_the_content_has_its_own_folder(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another source, cut or ffmpeg never finds this clip."""
    first = prepare()
    source = replace(first.source, sha256="00" * 32)
    folders = {first.yuv.path.parent, prepare(Cut(frames=4)).yuv.path.parent, prepare(source=source).yuv.path.parent}
    with monkeypatch.context() as patch:
        patch.setattr(ffmpeg, "version", lambda: "another")
        folders.add(prepare().yuv.path.parent)
    assert len(folders) == 4


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
    assert list(folder.parent.iterdir()) == [folder]


def test_failure_leaves_nothing(prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half clip that a later run could take for a whole one."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise ToolError("planted")

    monkeypatch.setattr(ffmpeg, "run", fail)
    with pytest.raises(ToolError, match="planted"):
        prepare()
    assert not list((tmp_path / "cache").iterdir())


def test_source_rate_is_that_of_the_cut(prepare: Prepare) -> None:
    """Sending the source costs what it costs, over as many pixels as are left."""
    clip = prepare(Cut(32, 24))
    assert clip.source_bits_per_pixel is None
    coded = replace(clip, source=replace(clip.source, coded_bytes=960))
    assert coded.source_bits_per_pixel == pytest.approx(8 * 960 / (5 * 32 * 24))
