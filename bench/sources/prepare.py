"""Making the clip that codecs are given from a source file. Each clip is made once and kept in a cache."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from ..dataset import Clip, ClipWindow, Source
from ..errors import StoreError
from ..files import Content, read_json, sweep_folders, swept_folder, write_json
from ..measure.psnr import mean_squared_error, psnr_from_mse
from ..video import colour, ffmpeg
from ..video.colour import Matrix
from ..video.paths import printable
from ..video.raw import RawVideo, VideoFormat
from ..video.reference import difference
from .contents import FILE, cache_content, file_content

VERSION = 1
"""This number is raised whenever the same source and window would give other samples."""
PREPARING = ".preparing-"
"""How the name of a folder begins in which a clip is made."""


def prepare_clip(source: Source, stream: Any, full: VideoFormat, cut: ClipWindow, cache: Path, matrix: Matrix) -> Clip:
    """Cut the window ``cut`` out of ``stream``, and convert it to RGB, or to YUV if it is RGB.

    ``stream`` is an ffmpeg-python input of a video of format ``full``. The clip lies in a folder of ``cache``, whose
    name follows from everything that decides the clip's content. A clip that is there already is used again if its
    files have the digests that were noted. Processes that ask for the same clip wait for each other. What killed ones
    left of any clip is removed.

    Raises `UsageError` if the window does not fit, `ToolError` if ffmpeg fails, and `StoreError` if the cache cannot
    be written.
    """
    form = cut.format_of(full)
    cut = cut.of(full)
    identity = repr((VERSION, source.sha256, full, cut.crop, form, matrix, ffmpeg.version())).encode()
    folder = cache / f"{source.dataset}-{source.sequence}-{hashlib.sha256(identity).hexdigest()[:16]}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        sweep_folders(cache, lambda work: cache / f".{work.removeprefix(PREPARING)}.lock", f"{PREPARING}*")
        with FileLock(cache / f".{folder.name}.lock"):
            kept = _reuse(folder, source, cache)
            if kept is not None:
                return kept
            _check_space(form, cache)
            with swept_folder(cache, f"{PREPARING}{folder.name}") as workshop:
                unfinished = workshop / folder.name
                unfinished.mkdir()
                clip = _make(source, _cut(stream, full, form, cut), form, cut, matrix, unfinished)
                write_json(unfinished / "clip.json", clip.in_folder(Path()))
                shutil.rmtree(folder, ignore_errors=True)
                unfinished.rename(folder)
            clip = clip.in_folder(folder)
            for video, digest in ((clip.yuv, clip.yuv_sha256), (clip.rgb, clip.rgb_sha256)):
                cache_content([video.path], FILE, cache, Content(digest, video.format.size_bytes))
            return clip
    except OSError as error:
        raise StoreError(
            f"Cannot write to the cache {printable(cache)}: {error}. Name another folder in BENCH_CACHE."
        ) from error


def _make(source: Source, stream: Any, form: VideoFormat, cut: ClipWindow, matrix: Matrix, folder: Path) -> Clip:
    first = RawVideo(folder / ("clip.rgb" if form.pixel_format == "rgb24" else "clip.yuv"), form)
    output = stream.output(
        "-", format="rawvideo", pix_fmt=form.pixel_format, fps_mode="passthrough", **{"frames:v": form.frames}
    )
    ffmpeg.write_frames(output, first, f"Cutting {source.dataset}/{source.sequence} to {form}")
    ceiling_db = None
    if form.pixel_format == "rgb24":
        rgb, yuv = first, colour.convert(first, "yuv420p", folder / "clip.yuv", matrix)
        ceiling_db = _psnr_rgb_db(rgb, yuv, matrix)
    else:
        yuv, rgb = first, colour.convert(first, "rgb24", folder / "clip.rgb", matrix)
    gap = difference(yuv, rgb, matrix) if first is yuv else None
    return Clip(source, yuv, rgb, matrix, yuv.sha256(), rgb.sha256(), cut, gap, ceiling_db)


def _cut(stream: Any, full: VideoFormat, form: VideoFormat, cut: ClipWindow) -> Any:
    width, height = cut.crop or (full.width, full.height)
    if (width, height) != (full.width, full.height):
        columns, rows = full.subsampling
        left = (full.width - width) // 2 // columns * columns
        top = (full.height - height) // 2 // rows * rows
        stream = stream.filter("crop", width, height, left, top, exact=1)
    if (form.width, form.height) != (width, height):
        stream = stream.filter("scale", form.width, form.height, flags="lanczos")
    return stream


def _psnr_rgb_db(rgb: RawVideo, yuv: RawVideo, matrix: Matrix) -> float:
    """The PSNR in dB that RGB still has after it was converted to YUV and back: the mean over all frames."""
    pairs = zip(rgb.read_frames(), colour.converted_frames(yuv, "rgb24", matrix), strict=True)
    return float(np.mean([psnr_from_mse(mean_squared_error(a, b)) for (a,), (b,) in pairs]))


def _check_space(form: VideoFormat, cache: Path) -> None:
    needed = form.size_bytes + dataclasses.replace(form, pixel_format="rgb24").size_bytes
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise StoreError(
            f"The cache {printable(cache)} has {free / 2**30:.1f} GiB free; {form} in YUV and RGB takes "
            f"{needed / 2**30:.1f}. Free some, or name another folder in BENCH_CACHE."
        )


def _reuse(folder: Path, source: Source, cache: Path) -> Clip | None:
    """The clip in ``folder``; None if there is none, or if its files are not as they were written."""
    try:
        clip = read_json(folder / "clip.json", Clip).in_folder(folder)
    except StoreError:
        return None
    parts = ((clip.yuv, clip.yuv_sha256), (clip.rgb, clip.rgb_sha256))
    intact = all(video.path.exists() and file_content(video.path, cache).sha256 == digest for video, digest in parts)
    return dataclasses.replace(clip, source=source) if intact else None
