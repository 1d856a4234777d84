"""The papers' conversion, sample by sample, against ffmpeg's own."""

from __future__ import annotations

import dataclasses
import platform
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import Clip
from bench.sources import prepare
from bench.video import colour, ffmpeg
from bench.video.colour import Matrix
from bench.video.raw import PixelFormat, RawVideo, VideoFormat
from bench.video.reference import difference, reference_rgb

X86 = platform.machine() in ("x86_64", "AMD64")


def noise(folder: Path, width: int, height: int, pixel_format: PixelFormat = "yuv420p") -> RawVideo:
    """Nine frames of every value, out of range ones too."""
    form = VideoFormat(width, height, 9, Fraction(25), pixel_format)
    video = RawVideo(folder / "noise.yuv", form)
    count = form.size_bytes // form.sample_type.itemsize
    video.path.write_bytes(
        np.random.default_rng(7).integers(0, form.peak + 1, count).astype(form.sample_type).tobytes()
    )
    return video


@pytest.mark.skipif(not X86, reason="swscale rounds in its own way elsewhere")
@pytest.mark.parametrize(("width", "height"), [(64, 36), (33, 16), (66, 38), (1280, 720)])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p"])
@pytest.mark.parametrize("matrix", colour.MATRICES)
def test_ffmpeg_agrees_bit_for_bit(
    width: int, height: int, pixel_format: PixelFormat, matrix: Matrix, tmp_path: Path
) -> None:
    """On x86, over all values, whatever the matrix."""
    video = noise(tmp_path, width, height, pixel_format)
    for (converted,), planes in zip(colour.converted_frames(video, "rgb24", matrix), video.read_frames(), strict=True):
        assert (reference_rgb(planes, video.format.subsampling, matrix) == converted).all()


def test_grey_is_grey_and_primaries_are_themselves() -> None:
    """The ends of the range and ITU-R BT.601's primaries, by hand."""
    for (y, u, v), rgb in {
        (16, 128, 128): (0, 0, 0),
        (235, 128, 128): (255, 255, 255),
        (81, 90, 240): (255, 0, 0),
        (145, 54, 34): (0, 255, 0),
        (41, 240, 110): (0, 0, 255),
    }.items():
        planes = [np.full((2, 2), y, np.uint8), np.full((1, 1), u, np.uint8), np.full((1, 1), v, np.uint8)]
        assert np.abs(reference_rgb(planes, (2, 2), "bt601").astype(int) - rgb).max() <= 2


def test_difference_is_measured_where_it_can_be(tmp_path: Path) -> None:
    """None against itself; of a planted error exactly as large as it is; no verdict on interpolated chroma."""
    video = noise(tmp_path, 64, 36)
    form = dataclasses.replace(video.format, pixel_format="rgb24")
    rgb = RawVideo(tmp_path / "a.rgb", form)
    exact = np.stack([reference_rgb(planes, (2, 2), "bt601") for planes in video.read_frames()])
    rgb.path.write_bytes(exact.tobytes())
    found = difference(video, rgb, "bt601")
    assert found is not None
    assert (found.frames, found.largest, found.mean, found.psnr_db) == (8, 0, 0, float("inf"))
    exact[8, 3, 5, 1] ^= 4
    rgb.path.write_bytes(exact.tobytes())
    found = difference(video, rgb, "bt601")
    assert found is not None
    assert found.largest == 4
    assert found.mean == pytest.approx(4 / (8 * 64 * 36 * 3))
    assert found.mean_squared == pytest.approx(16 / (8 * 64 * 36 * 3))
    assert difference(noise(tmp_path, 64, 36, "yuv444p"), rgb, "bt601") is None
    assert difference(noise(tmp_path, 64, 37), rgb, "bt601") is None


def test_clips_record_the_difference(clip: Clip) -> None:
    """None on x86; elsewhere whatever it is, and no error."""
    assert clip.rgb_difference is not None
    assert clip.rgb_difference.frames == 4
    if X86:
        assert clip.rgb_difference.largest == 0


@pytest.mark.skipif(not X86, reason="compares x86's two ways of rounding")
def test_a_processor_that_rounds_otherwise_is_measured(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without SIMD the same ffmpeg rounds as it does on other processors: off by 3 at most, about 48.7 dB, as
    measured over all frames of Bunny at full size. That is recorded, and nothing fails."""
    command = ffmpeg.command_line
    monkeypatch.setattr(ffmpeg, "command_line", lambda *how: [*command(*how)[:1], "-cpuflags", "0", *command(*how)[1:]])
    stream, cut = ffmpeg.raw_input(clip.yuv), type(clip.cut)()
    made = prepare.prepare_clip(clip.source, stream, clip.yuv.format, cut, tmp_path, "bt601")
    assert made.yuv_sha256 == clip.yuv_sha256
    assert made.rgb_sha256 != clip.rgb_sha256
    assert made.rgb_difference is not None
    assert 1 <= made.rgb_difference.largest <= 3
    assert made.rgb_difference.psnr_db == pytest.approx(48.7, abs=0.5)
