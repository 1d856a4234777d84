"""Running ffmpeg: which binary, what it can do, and commands whose outcome is checked."""

from __future__ import annotations

import functools
import io
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

import ffmpeg
import imageio_ffmpeg

from ..errors import ToolError
from .raw import PixelFormat, RawVideo, VideoFormat
from .y4m import read_y4m_header

BINARY_VARIABLE = "IMAGEIO_FFMPEG_EXE"
_CURE = f"Install the bundled build (pip install imageio-ffmpeg==0.8.1) or point {BINARY_VARIABLE} at another one."


@functools.cache
def binary() -> str:
    """The path of a usable ffmpeg: the one that the environment names, else the bundled one."""
    try:
        path: str = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([path, "-version"], check=True, capture_output=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        named = os.environ.get(BINARY_VARIABLE)
        found = f"{BINARY_VARIABLE} names {named!r}, which does not run" if named else "no ffmpeg was found"
        raise ToolError(f"No usable ffmpeg: {found} ({error}). {_CURE}") from error
    return path


@functools.cache
def version() -> str:
    """The version as ffmpeg prints it, which tells builds apart."""
    banner = subprocess.run([binary(), "-version"], check=True, capture_output=True, text=True).stdout
    return banner.split()[2]


@functools.cache
def encoders() -> frozenset[str]:
    """The names of the video encoders in this build."""
    listing = subprocess.run([binary(), "-hide_banner", "-encoders"], check=True, capture_output=True, text=True)
    return frozenset(re.findall(r"^ V\S* (\S+)", listing.stdout, flags=re.MULTILINE))


def missing_encoder(name: str) -> str | None:
    """Why encoder ``name`` cannot be used; None if it can."""
    if name in encoders():
        return None
    return f"ffmpeg {version()} has no encoder {name}. {_CURE}"


def raw_input(video: RawVideo) -> Any:
    """``video`` as an ffmpeg-python input."""
    form = video.format
    return ffmpeg.input(
        str(video.path),
        format="rawvideo",
        pix_fmt=form.pixel_format,
        video_size=(form.width, form.height),
        framerate=str(form.frame_rate),
    )


@dataclass(frozen=True)
class Outcome:
    """What a successful run of ffmpeg printed, and the command that was run."""

    command: list[str]
    stdout: bytes
    stderr: str


def run(output: Any, task: str, *, strict: bool = False) -> Outcome:
    """Run an ffmpeg-python pipeline.

    ``strict`` makes any decoding error fatal, where ffmpeg would conceal it. Raises `ToolError`,
    with the command and the end of ffmpeg's messages, if the exit status is not 0.
    """
    options = ["-hide_banner", "-nostdin", *(("-xerror", "-err_detect", "explode") if strict else ())]
    command = ffmpeg.compile(output.overwrite_output(), cmd=[binary(), *options])
    done = subprocess.run(command, capture_output=True, check=False)
    messages = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        last = "\n".join(messages.strip().splitlines()[-12:])
        raise ToolError(f"{task}: ffmpeg exited with status {done.returncode}.\n{shlex.join(command)}\n{last}")
    return Outcome(command, done.stdout, messages)


def decoded_sha256(stream: Any, pixel_format: PixelFormat) -> str:
    """The SHA-256 of all frames of ``stream`` (an ffmpeg-python input) as raw ``pixel_format``."""
    output = stream.output("-", format="hash", hash="sha256", pix_fmt=pixel_format, vcodec="rawvideo")
    return run(output, "Hashing a source").stdout.decode().strip().removeprefix("SHA256=")


def probe_format(stream: Any) -> VideoFormat:
    """Size and frame rate of ``stream`` (an ffmpeg-python input), from its first frame decoded to
    4:2:0; ``frames`` is 0. Raises `ToolError` if it has none."""
    output = stream.output("-", format="yuv4mpegpipe", pix_fmt="yuv420p", **{"frames:v": 1})
    first = run(output, "Reading the first frame").stdout
    return read_y4m_header(io.BytesIO(first), "The first frame")
