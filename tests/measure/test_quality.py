"""All metrics in one pass, of decoders that write YUV and of those that write RGB."""

from __future__ import annotations

import platform
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.dataset import Clip, Source
from bench.measure.psnr import CAP_DB
from bench.measure.quality import measure_quality
from bench.video import colour
from bench.video.colour import Difference
from bench.video.raw import YUV_FORMATS, PixelFormat, RawVideo, VideoFormat


def planted(folder: Path, pixel_format: PixelFormat, seed: int, width: int = 66, height: int = 38) -> RawVideo:
    """Five noisy frames."""
    form = VideoFormat(width, height, 5, Fraction(25), pixel_format)
    count = form.size_bytes // form.sample_type.itemsize
    samples = np.random.default_rng(seed).integers(form.peak // 8, form.peak * 7 // 8, count, form.sample_type)
    video = RawVideo(folder / f"{pixel_format}-{seed}.raw", form)
    video.path.write_bytes(samples.tobytes())
    return video


def clip_of(yuv: RawVideo, matrix: colour.Matrix = "bt601") -> Clip:
    """With the RGB that the conversion makes of it."""
    rgb = colour.convert(yuv, "rgb24", yuv.path.with_suffix(".rgb"), matrix)
    source = Source("planted", "noise", "CC0", "numpy", yuv.sha256(), yuv.format.frames)
    return Clip(source, yuv, rgb, matrix, yuv.sha256(), rgb.sha256())


@pytest.mark.parametrize("pixel_format", YUV_FORMATS)
@pytest.mark.parametrize("matrix", colour.MATRICES)
def test_lossless_is_the_cap_in_both_colour_spaces(
    pixel_format: PixelFormat, matrix: colour.Matrix, tmp_path: Path
) -> None:
    """Whatever the pixel format and the matrix: source and decoder take the same way."""
    clip = clip_of(planted(tmp_path, pixel_format, 1), matrix)
    measured = measure_quality(clip, clip.yuv)
    assert {value for name, value in measured.clip.items() if "psnr" in name} == {CAP_DB}
    assert set(measured.unavailable) >= {"ms_ssim_rgb", "ms_ssim_rgb_db"}
    in_rgb = measure_quality(clip, clip.rgb).clip
    assert in_rgb["psnr_rgb"] == CAP_DB
    assert in_rgb["psnr_y"] < CAP_DB


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_values_are_those_of_whole_arrays(pixel_format: PixelFormat, tmp_path: Path) -> None:
    """Of each plane, by numpy on everything at once; RGB by way of a file."""
    clip, other = clip_of(planted(tmp_path, pixel_format, 1)), planted(tmp_path, pixel_format, 2)
    measured = measure_quality(clip, other)
    in_rgb = colour.convert(other, "rgb24", tmp_path / "other.rgb", "bt601")
    for videos, peak in (((clip.yuv, other), clip.yuv.format.peak), ((clip.rgb, in_rgb), 255)):
        pairs = [
            [np.stack(plane).astype(float) for plane in zip(*video.read_frames(), strict=True)] for video in videos
        ]
        for name, a, b in zip(videos[0].format.planes, *pairs, strict=True):
            errors = ((a - b) ** 2).reshape(5, -1).mean(1)
            assert measured.frames[f"psnr_{name}"] == pytest.approx(10 * np.log10(peak**2 / errors))
            assert measured.clip[f"apsnr_{name}"] == pytest.approx(10 * np.log10(peak**2 / errors.mean()))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="swscale rounds in its own way elsewhere")
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p"])
@pytest.mark.parametrize("matrix", colour.MATRICES)
def test_short_cut_changes_nothing(pixel_format: PixelFormat, matrix: colour.Matrix, tmp_path: Path) -> None:
    """Where the ground truth is the reference conversion's, that converts the decoder's frames too: the same
    values to the last bit as by ffmpeg, which is not asked."""
    clip, other = clip_of(planted(tmp_path, pixel_format, 1), matrix), planted(tmp_path, pixel_format, 2)
    by_ffmpeg = measure_quality(clip, other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.video.ffmpeg.stream_frames", None)
        assert measure_quality(replace(clip, rgb_difference=Difference(5, 0, 0.0, 0.0)), other) == by_ffmpeg
    assert measure_quality(replace(clip, rgb_difference=Difference(5, 1, 0.1, 0.1)), other) == by_ffmpeg


def test_a_deeper_decoder_is_rounded_to_the_clip(tmp_path: Path) -> None:
    """VVC decodes eight bits coded as ten: half a level up or down makes no difference, in RGB neither; more does."""
    clip = clip_of(planted(tmp_path, "yuv420p", 1))
    samples = np.frombuffer(clip.yuv.path.read_bytes(), np.uint8).astype("<u2") * 4
    deep = RawVideo(tmp_path / "deep.yuv", replace(clip.yuv.format, pixel_format="yuv420p10le"))

    def measured() -> dict[str, float]:
        return measure_quality(clip, colour.rounded(deep, "yuv420p", tmp_path / "rounded.yuv", "bt601")).clip

    deep.path.write_bytes((samples + 1).astype("<u2").tobytes())
    assert {value for name, value in measured().items() if "psnr" in name} == {CAP_DB}
    deep.path.write_bytes((samples + 2).astype("<u2").tobytes())
    assert measured()["apsnr_y"] == pytest.approx(20 * np.log10(255))


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """A clip of 300 MB is measured in a fresh process within 120 MB above what 3 MB take."""
    code = textwrap.dedent("""
        import sys
        from fractions import Fraction
        from pathlib import Path
        from bench.dataset import Clip, Source
        from bench.measure.memory import peak_memory_bytes
        from bench.measure.quality import measure_quality
        from bench.video.raw import RawVideo, VideoFormat

        for frames in (2, 200):
            yuv = RawVideo(Path(f"{frames}.yuv"), VideoFormat(640, 360, frames, Fraction(25), "yuv420p"))
            rgb = RawVideo(Path(f"{frames}.rgb"), VideoFormat(640, 360, frames, Fraction(25), "rgb24"))
            for video in (yuv, rgb):
                with video.path.open("wb") as file:
                    file.truncate(video.format.size_bytes)
            clip = Clip(Source("a", "b", "", "", "", frames), yuv, rgb, "bt601", "", "")
            measure_quality(clip, yuv)
            print(peak_memory_bytes())
        """)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    short, long = map(int, done.stdout.split())
    assert long - short < 120e6
