"""Metrics beyond PSNR and MS-SSIM: VMAF, XPSNR and SSIM, as the ffmpeg that is here computes them, and SSIMULACRA2.

They compare frame by frame of the same number; time stamps do not come into it. Each family has an ffmpeg of its own,
so that a crash of one harms nothing. None is believed before it has proved itself (`proof`).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import ffmpeg
import numpy as np
from PIL import Image

from ..dataset import Clip
from ..errors import ToolError
from ..records.cores import cores
from ..video import colour
from ..video import ffmpeg as tool
from ..video.raw import Frame, RawVideo, VideoFormat
from .psnr import CAP_DB
from .side_by_side import side_by_side


@dataclass(frozen=True)
class Compared:
    """A clip and its decoded frames: as they are ``shown``, in RGB or in the clip's YUV format, and in that format."""

    clip: Clip
    shown: RawVideo
    yuv: RawVideo


@dataclass(frozen=True)
class Values:
    """The values of metrics over the clip and for each frame."""

    clip: dict[str, float]
    frames: dict[str, list[float]]


class Family(ABC):
    """Metrics that are computed together. ``least`` has each metric's name, with the least value that a frame compared
    with itself may have."""

    name: ClassVar[str]
    least: ClassVar[Mapping[str, float]]

    @abstractmethod
    def missing(self, form: VideoFormat) -> str | None:
        """Why these metrics cannot be computed of such a video here; None if they can."""

    @abstractmethod
    def measure(self, compared: Compared) -> Values:
        """The metrics of decoded frames. Raises `ToolError`."""

    def tools(self) -> dict[str, str]:
        """The versions of the programs that decide the values."""
        return {"ffmpeg": tool.version()}

    def remark(self, form: VideoFormat) -> str | None:
        """What must be known of values of such a video; None if there is nothing."""
        return None


def by_filter(compared: Compared, name: str, task: str, **options: Any) -> tool.FFmpegRun:
    """What an ffmpeg filter that compares two videos prints, of the YUV."""
    inputs = [tool.raw_input(video) for video in (compared.yuv, compared.clip.yuv)]
    inputs[1] = inputs[1].filter("null")  # ffmpeg-python takes equal streams for one, whose frames go one way only
    if depth := options.pop("pixel_format", None):
        inputs = [stream.filter("format", depth) for stream in inputs]
    return tool.run(ffmpeg.filter(inputs, name, **options).output("-", format="null"), task)


class VMAF(Family):
    """Models of Netflix's VMAF; the first one gives the family its name."""

    models: ClassVar[Mapping[str, str]]
    """The name of each metric and that of its model in libvmaf."""
    least_sides: ClassVar[tuple[int, int]]
    """The least length of the shorter and of the longer side, in pixels, with which libvmaf works."""

    def missing(self, form: VideoFormat) -> str | None:
        if "libvmaf" not in tool.filters():
            return f"ffmpeg {tool.version()} has no filter libvmaf"
        shorter, longer = self.least_sides
        if min(form.width, form.height) < shorter or max(form.width, form.height) < longer:
            return f"{self.name} needs {longer}x{shorter} pixels or more; this clip is {form}"
        return None

    def measure(self, compared: Compared) -> Values:
        models = "|".join(f"version={model}:name={name}" for name, model in self.models.items())
        log = by_filter(
            compared,
            "libvmaf",
            f"Measuring {self.name}",
            log_path="/dev/stdout",
            log_fmt="json",
            n_threads=cores(),
            model=models,
        )
        if not log.stdout:  # with exit status 0
            errors = re.findall(r"libvmaf ERROR (.*)", log.stderr)
            raise ToolError(f"Measuring {self.name}: libvmaf gave no values. {' '.join(errors)}".rstrip())
        frames = [frame["metrics"] for frame in json.loads(log.stdout)["frames"]]
        return _means({name: [float(frame[name]) for frame in frames] for name in self.models})


class VMAF1(VMAF):
    """VMAF version 1 (2026) for a screen of 1080 lines, seen from three times its height. It gives no gain for
    sharpening, as version 0 does only in its form NEG."""

    name = "vmaf_v1"
    models: ClassVar = {"vmaf_v1": "vmaf_v1.0.16_3d0h"}
    least: ClassVar = {"vmaf_v1": 99.99}
    least_sides = (160, 216)
    """Below the first libvmaf 3.2 crashes, in its measure of chroma; below the second its measure of banding fails."""


class VMAF0(VMAF):
    """VMAF version 0.6.1, and its form NEG. A clip compared with itself has less than 100, most of all in its first
    frame, which has no motion."""

    name = "vmaf_v0"
    models: ClassVar = {"vmaf_v0": "vmaf_v0.6.1", "vmaf_v0_neg": "vmaf_v0.6.1neg"}
    least: ClassVar = {"vmaf_v0": 95.0, "vmaf_v0_neg": 95.0}
    least_sides = (32, 32)
    """At 16, libvmaf crashes."""


class XPSNR(Family):
    """Perceptually weighted PSNR (Helmrich et al., ICASSP 2020). The clip's value is the filter's own average."""

    name = "xpsnr"
    least: ClassVar = {f"xpsnr_{plane}": CAP_DB for plane in "yuv"}

    def missing(self, form: VideoFormat) -> str | None:
        return None if "xpsnr" in tool.filters() else f"ffmpeg {tool.version()} has no filter xpsnr"

    def measure(self, compared: Compared) -> Values:
        form = compared.clip.yuv.format
        rounded = {"pixel_format": form.pixel_format.removesuffix("10le")} if self.remark(form) else {}
        log = by_filter(compared, "xpsnr", "Measuring XPSNR", stats_file="-", **rounded)
        row = r"^n: *\d+ +XPSNR y: (\S+) +XPSNR u: (\S+) +XPSNR v: (\S+)"
        by_frame = [list(map(_decibels, values)) for values in re.findall(row, log.stdout.decode(), re.MULTILINE)]
        average = re.search(r"\] XPSNR +y: (\S+) +u: (\S+) +v: (\S+)", log.stderr)
        if average is None:
            raise ToolError("Measuring XPSNR: ffmpeg printed no average.")
        clip = {name: _decibels(value) for name, value in zip(self.least, average.groups(), strict=True)}
        columns = zip(*by_frame, strict=True)
        return Values(clip, {name: list(column) for name, column in zip(self.least, columns, strict=True)})

    def remark(self, form: VideoFormat) -> str | None:
        if form.bit_depth > 8 and form.width % 32:
            return (
                "measured in 8 bits: of more, ffmpeg's filter xpsnr gives wrong values where the width is no multiple "
                "of 32"
            )
        return None


class SSIM(Family):
    """Structural similarity as ffmpeg computes it, from 0 to 1: of luma, and of all planes by their samples."""

    name = "ssim"
    least: ClassVar = {"ssim_y": 1.0, "ssim_yuv": 1.0}

    def missing(self, form: VideoFormat) -> str | None:
        return None if "ssim" in tool.filters() else f"ffmpeg {tool.version()} has no filter ssim"

    def measure(self, compared: Compared) -> Values:
        log = by_filter(compared, "ssim", "Measuring SSIM", stats_file="-")
        rows = re.findall(r"^n:\d+ Y:(\S+) .*All:(\S+)", log.stdout.decode(), re.MULTILINE)
        columns = zip(*([float(value) for value in row] for row in rows), strict=True)
        return _means({name: list(column) for name, column in zip(self.least, columns, strict=True)})


class SSIMULACRA2(Family):
    """Structural similarity in a perceptual colour space (Sneyers, 2022), of RGB frames; 100 is no difference, and
    values may be negative. The package computes it in plain Python: a frame of 1080p takes seconds."""

    name = "ssimulacra2"
    least: ClassVar = {"ssimulacra2": 100.0}

    def missing(self, form: VideoFormat) -> str | None:
        if importlib.util.find_spec("ssimulacra2") is None:
            return "the package ssimulacra2 is not installed; it is in the extra `metrics`"
        if min(form.width, form.height) < 8:
            return f"ssimulacra2 needs 8x8 pixels or more; this clip is {form}"
        return None

    def measure(self, compared: Compared) -> Values:
        from ssimulacra2 import compute_ssimulacra2

        def score(pair: tuple[list[Frame], list[Frame]]) -> float:
            return float(compute_ssimulacra2(*(_bitmap(rgb) for (rgb,) in pair)))

        shown = colour.converted_frames(compared.shown, "rgb24", compared.clip.matrix)
        scores = side_by_side(score, zip(compared.clip.rgb.read_frames(), shown, strict=True))
        return _means({"ssimulacra2": list(scores)})

    def tools(self) -> dict[str, str]:
        return {"ssimulacra2": importlib.metadata.version("ssimulacra2")}


def _bitmap(rgb: Frame) -> io.BytesIO:
    """A file in memory that holds the picture as it is."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "bmp")
    return file


FAMILIES: dict[str, Family] = {f.name: f for f in (VMAF1(), VMAF0(), XPSNR(), SSIM(), SSIMULACRA2())}
BY_FFMPEG = ("vmaf_v1", "vmaf_v0", "xpsnr", "ssim")
"""The families that need no package of their own."""


def _means(frames: dict[str, list[float]]) -> Values:
    return Values({name: float(np.mean(values)) for name, values in frames.items()}, frames)


def _decibels(text: str) -> float:
    return min(float(text), CAP_DB)
