"""Metrics beyond PSNR and MS-SSIM: VMAF, XPSNR and SSIM, as the ffmpeg that is here computes them.

They compare the decoded frames with the clip in the clip's own YUV format, frame by frame of the same number; time
stamps do not come into it. Each family of metrics has an ffmpeg of its own, so that a crash of one harms nothing.
**None is believed before it has proved itself on the clip at hand**: the clip against itself, at its own size and
depth, must give the best values.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import ffmpeg
import numpy as np

from ..errors import BenchError, StoreError, ToolError
from ..files import read_json, write_json
from ..records.cores import cores
from ..records.record import Quality
from ..video import ffmpeg as tool
from ..video.raw import RawVideo, VideoFormat
from .psnr import CAP_DB


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
    def measure(self, reference: RawVideo, decoded: RawVideo) -> Values:
        """The metrics of ``decoded``, a raw video of the same format. Raises `ToolError`."""

    def tools(self) -> dict[str, str]:
        """The versions of the programs that decide the values."""
        return {"ffmpeg": tool.version()}

    def remark(self, form: VideoFormat) -> str | None:
        """What must be known of values of such a video; None if there is nothing."""
        return None


def _compared(reference: RawVideo, decoded: RawVideo, filter_name: str, task: str, **options: Any) -> tool.FFmpegRun:
    """What an ffmpeg filter that compares two videos prints."""
    inputs = [tool.raw_input(video) for video in (decoded, reference)]
    inputs[1] = inputs[1].filter("null")  # ffmpeg-python takes equal streams for one, whose frames go one way only
    if depth := options.pop("pixel_format", None):
        inputs = [stream.filter("format", depth) for stream in inputs]
    compared = ffmpeg.filter(inputs, filter_name, **options)
    return tool.run(compared.output("-", format="null"), task)


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

    def measure(self, reference: RawVideo, decoded: RawVideo) -> Values:
        models = "|".join(f"version={model}:name={name}" for name, model in self.models.items())
        log = _compared(
            reference,
            decoded,
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

    def measure(self, reference: RawVideo, decoded: RawVideo) -> Values:
        form = reference.format
        rounded = {"pixel_format": form.pixel_format.removesuffix("10le")} if self.remark(form) else {}
        log = _compared(reference, decoded, "xpsnr", "Measuring XPSNR", stats_file="-", **rounded)
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

    def measure(self, reference: RawVideo, decoded: RawVideo) -> Values:
        log = _compared(reference, decoded, "ssim", "Measuring SSIM", stats_file="-")
        rows = re.findall(r"^n:\d+ Y:(\S+) .*All:(\S+)", log.stdout.decode(), re.MULTILINE)
        columns = zip(*([float(value) for value in row] for row in rows), strict=True)
        return _means({name: list(column) for name, column in zip(self.least, columns, strict=True)})


FAMILIES: dict[str, Family] = {family.name: family for family in (VMAF1(), VMAF0(), XPSNR(), SSIM())}


def _means(frames: dict[str, list[float]]) -> Values:
    return Values({name: float(np.mean(values)) for name, values in frames.items()}, frames)


def _decibels(text: str) -> float:
    return min(float(text), CAP_DB)


# --- Proof ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proof:
    """What came of a clip compared with itself: why the family is not to be believed, or None. ``tools`` are the
    versions with which that was found."""

    tools: dict[str, str]
    fault: str | None


def fault(family: Family, reference: RawVideo) -> str | None:
    """Why a family gives no values of such a clip that can be believed; None if it does. The proof is kept beside the
    clip, and made again when a tool has another version."""
    if reason := family.missing(reference.format):
        return reason
    path = reference.path.with_name(f"proof-{family.name}.json")
    try:
        proof = read_json(path, Proof)
    except StoreError:
        proof = None
    if proof is None or proof.tools != family.tools():
        proof = Proof(family.tools(), _prove(family, reference))
        write_json(path, proof)
    return proof.fault


def _prove(family: Family, reference: RawVideo) -> str | None:
    try:
        values = family.measure(reference, reference)
        _check_counts(values, reference.format)
    except BenchError as error:
        return f"comparing the clip with itself failed: {error}"
    for name, least in family.least.items():
        worst = min(values.frames[name])
        if not worst >= least:
            return f"the clip compared with itself has {name} {worst:.4g} in a frame; at least {least:g} was expected"
    return None


def _check_counts(values: Values, form: VideoFormat) -> None:
    for name, each in values.frames.items():
        if len(each) != form.frames:
            raise ToolError(f"Measuring {name}: there are values of {len(each)} frames; expected {form.frames}.")


# --- Measuring ------------------------------------------------------------------------------


def with_families(quality: Quality, names: Iterable[str], reference: RawVideo, decoded: RawVideo) -> Quality:
    """``quality`` with the metrics of the families of these names too, or with the reasons why it lacks them.

    ``reference`` is the clip's YUV; ``decoded`` has the same format.
    """
    for name in names:
        family = FAMILIES[name]
        quality = _without(quality, family.least)
        try:
            reason = fault(family, reference)
            values = None if reason else family.measure(reference, decoded)
            if values:
                _check_counts(values, reference.format)
        except BenchError as error:
            reason, values = str(error), None
        if values is None:
            unavailable = quality.unavailable | dict.fromkeys(family.least, str(reason))
            quality = replace(quality, unavailable=unavailable)
            continue
        remark = family.remark(reference.format)
        quality = replace(
            quality,
            clip=quality.clip | values.clip,
            frames=quality.frames | {metric: [*each] for metric, each in values.frames.items()},
            tools=quality.tools | dict.fromkeys(family.least, _words(family.tools())),
            remarks=quality.remarks | (dict.fromkeys(family.least, remark) if remark else {}),
        )
    return quality


def _words(tools: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in tools.items())


def _without(quality: Quality, metrics: Iterable[str]) -> Quality:
    """The same without these metrics."""
    gone = set(metrics)
    parts = ("clip", "frames", "unavailable", "tools", "remarks")
    kept = {part: {name: v for name, v in getattr(quality, part).items() if name not in gone} for part in parts}
    return replace(quality, **kept)


def lacking(quality: Quality, names: Sequence[str], reference: RawVideo | None = None) -> list[str]:
    """Those of the families that ``quality`` has no values of, though they can be had: never measured, or, as far as
    the clip's YUV is there to tell, unavailable for a reason that is not there any more."""
    lacked = []
    for name in names:
        absent = [metric for metric in FAMILIES[name].least if metric not in quality.clip]
        never = any(metric not in quality.unavailable for metric in absent)
        if never or (absent and reference is not None and fault(FAMILIES[name], reference) is None):
            lacked.append(name)
    return lacked
