"""Videos that tests make for themselves."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench.video import ffmpeg
from bench.video.raw import PixelFormat, RawVideo, VideoFormat


def noise(folder: Path, width: int = 64, height: int = 36, pixel_format: PixelFormat = "yuv420p") -> RawVideo:
    """Four frames at 30000/1001 a second."""
    form = VideoFormat(width, height, 4, Fraction(30000, 1001), pixel_format)
    count = form.size_bytes // form.sample_type.itemsize
    samples = np.random.default_rng(3).integers(form.peak // 16, form.peak, count)
    video = RawVideo(folder / "noise.raw", form)
    video.path.write_bytes(samples.astype(form.sample_type).tobytes())
    return video


def make(*words: str | Path) -> None:
    """Run ffmpeg as a user would."""
    subprocess.run([ffmpeg.binary(), "-v", "error", *map(str, words)], check=True, stdin=subprocess.DEVNULL)


def raw_words(video: RawVideo) -> list[str]:
    """What tells ffmpeg of a raw video."""
    form = video.format
    size = ["-video_size", f"{form.width}x{form.height}", "-framerate", str(form.frame_rate)]
    return ["-f", "rawvideo", "-pix_fmt", form.pixel_format, *size, "-i", str(video.path)]
