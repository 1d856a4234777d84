"""From a source file to the clip that codecs are given, made once and kept by content."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .. import store
from ..dataset import Clip, Cut, Source
from ..errors import StoreError
from . import colour, ffmpeg
from .raw import RawVideo, VideoFormat


def prepare_clip(source: Source, stream: Any, full: VideoFormat, cut: Cut, cache: Path) -> Clip:
    """Cut ``stream`` (an ffmpeg-python input of a video of format ``full``) and convert it.

    The result lies in a folder of ``cache`` named after everything that decides its content, and
    is checked against its digests whenever it is used again.
    """
    form = dataclasses.replace(
        full,
        width=cut.width or full.width,
        height=cut.height or full.height,
        frames=min(cut.frames or full.frames, full.frames),
    )
    identity = repr((source.sha256, form, ffmpeg.version())).encode()
    folder = cache / f"{source.dataset}-{source.sequence}-{hashlib.sha256(identity).hexdigest()[:16]}"
    kept = _reuse(folder)
    if kept is not None:
        return kept

    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".preparing-") as name:
            making = Path(name) / folder.name
            making.mkdir()
            if (form.width, form.height) != (full.width, full.height):
                stream = stream.filter("scale", form.width, form.height, flags="lanczos")
            yuv = RawVideo(making / "clip.yuv", form)
            output = stream.output(
                str(yuv.path), format="rawvideo", pix_fmt=form.pixel_format, **{"frames:v": form.frames}
            )
            ffmpeg.run(output, f"Cutting {source.dataset}/{source.sequence} to {form}", strict=True)
            rgb = colour.convert(yuv, "rgb24", making / "clip.rgb")
            clip = Clip(source, yuv, rgb, "bt601", yuv.sha256(), rgb.sha256()).in_folder(folder)
            store.write_json(making / "clip.json", clip.in_folder(Path()))
            shutil.rmtree(folder, ignore_errors=True)
            making.rename(folder)
    except OSError as error:
        raise StoreError(f"Cannot write to the cache {cache}: {error}. Name another folder in BENCH_CACHE.") from error
    return clip


def _reuse(folder: Path) -> Clip | None:
    """The clip in ``folder`` if it is there and what it was when it was written."""
    try:
        clip = store.read_json(folder / "clip.json", Clip).in_folder(folder)
    except StoreError:
        return None
    parts = ((clip.yuv, clip.yuv_sha256), (clip.rgb, clip.rgb_sha256))
    intact = all(video.path.exists() and video.sha256() == digest for video, digest in parts)
    return clip if intact else None
