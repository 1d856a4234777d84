"""Running ffmpeg: which binary is used, what it can do, and commands whose outcome is checked."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import ffmpeg
import imageio_ffmpeg

from ..errors import StreamError, ToolError
from ..files import Content
from .paths import as_argument, printable, restored
from .raw import PixelFormat, RawVideo, VideoFormat
from .y4m import COLOURS, read_y4m_header

BINARY_VARIABLE = "IMAGEIO_FFMPEG_EXE"
_CURE = f"Install the bundled build (pip install imageio-ffmpeg==0.8.1) or point {BINARY_VARIABLE} at another one."


@functools.cache
def binary() -> str:
    """The path of a usable ffmpeg: the one that the environment names, or else the bundled one.

    Raises `ToolError` if there is none that runs.
    """
    try:
        path: str = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([path, "-version"], check=True, capture_output=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        named = os.environ.get(BINARY_VARIABLE)
        reason = f"{BINARY_VARIABLE} names {named!r}, which does not run" if named else "no ffmpeg was found"
        raise ToolError(f"No usable ffmpeg: {reason} ({error}). {_CURE}") from error
    return path


@functools.cache
def version() -> str:
    """The version as ffmpeg prints it. It tells builds apart."""
    banner = subprocess.run([binary(), "-version"], check=True, capture_output=True, text=True).stdout
    return banner.split()[2]


@functools.cache
def encoders() -> frozenset[str]:
    """The names of the video encoders in this build."""
    listing = subprocess.run([binary(), "-hide_banner", "-encoders"], check=True, capture_output=True, text=True)
    return frozenset(re.findall(r"^ V\S* (\S+)", listing.stdout, flags=re.MULTILINE))


@functools.cache
def filters() -> frozenset[str]:
    """The names of the filters in this build."""
    listing = subprocess.run([binary(), "-hide_banner", "-filters"], check=True, capture_output=True, text=True)
    return frozenset(re.findall(r"^ \S+ (\S+) +\S+->", listing.stdout, flags=re.MULTILINE))


def missing_encoder(name: str) -> str | None:
    """Why the encoder ``name`` cannot be used, with the cure; None if it can."""
    if name in encoders():
        return None
    return f"ffmpeg {version()} has no encoder {name}. {_CURE}"


VERSIONS = {
    "libx264": r"x264 - (core \d+(?: r\d+)?)",
    "libx265": r"HEVC encoder version (\S+)",
    "libsvtav1": r"SVT-AV1 Encoder Lib (\S+)",
    "libvvenc": r"libvvenc version: (\S+)",
}
"""The pattern by which each encoder's own version is found in what it prints, or in its stream."""


@functools.cache
def encoder_version(name: str) -> str:
    """The version of the encoder ``name``, which ffmpeg's own version does not tell; ``unknown`` where it states none.

    Raises `ToolError` if the encoder cannot encode two grey frames.
    """
    grey = ffmpeg.input("color=gray:size=128x128:duration=0.08:rate=25", format="lavfi")
    done = run(grey["v:0"].output("-", format="data", vcodec=name, pix_fmt="yuv420p"), f"Trying {name}")
    match = re.search(VERSIONS.get(name, r"$^"), done.stderr + done.stdout.decode("latin-1"))
    return match[1] if match else "unknown"


def raw_input(video: RawVideo) -> Any:
    """``video`` as an ffmpeg-python input."""
    form = video.format
    return ffmpeg.input(
        as_argument(video.path),
        format="rawvideo",
        pix_fmt=form.pixel_format,
        video_size=(form.width, form.height),
        framerate=str(form.frame_rate),
    )


@dataclass(frozen=True)
class FFmpegRun:
    """What a successful run of ffmpeg printed, and the command that was run."""

    command: list[str]
    stdout: bytes
    stderr: str


def run(output: Any, task: str, *, strict: bool = False) -> FFmpegRun:
    """Run the ffmpeg-python pipeline that ends in ``output``. ``task`` begins the message of an error.

    ``strict`` makes any decoding error fatal; otherwise ffmpeg conceals it. Raises `ToolError`, with the command and
    the end of ffmpeg's messages, if the exit status is not 0.
    """
    command = command_line(output, strict)
    done = subprocess.run(command, capture_output=True, check=False)
    messages = done.stderr.decode(errors="backslashreplace")
    _check_status(done.returncode, command, messages, task)
    return FFmpegRun(command, done.stdout, messages)


def stream_frames(output: Any, form: VideoFormat, task: str) -> Iterator[bytes]:
    """The bytes of each frame that an ffmpeg-python pipeline writes to standard output, one at a time.

    Raises `ToolError` if ffmpeg fails or gives another number of bytes than the frames of ``form`` have.
    """
    size_bytes = 0
    for frame in _blocks(output, form.frame_bytes, task):
        size_bytes += len(frame)
        if len(frame) < form.frame_bytes or size_bytes > form.size_bytes:
            break
        yield frame
    if size_bytes != form.size_bytes:
        raise ToolError(
            f"{task}: expected {form} ({form.size_bytes:,} bytes), ffmpeg gave {size_bytes:,} bytes"
            f"{' and more' if size_bytes > form.size_bytes else ''}."
        )


def write_frames(output: Any, video: RawVideo, task: str) -> None:
    """Write the frames that an ffmpeg-python pipeline writes to standard output to the file of ``video``.

    If this process is killed, ffmpeg ends too, which it would not if it wrote the file by itself. Raises `ToolError` as
    `stream_frames` does, and `OSError`.
    """
    with video.path.open("wb") as file:
        file.writelines(stream_frames(output, video.format, task))


def _blocks(output: Any, size: int, task: str, strict: bool = True, log: IO[bytes] | None = None) -> Iterator[bytes]:
    """What a pipeline writes to standard output, in blocks of ``size`` bytes; the last block may be shorter. ``log`` is
    a file that ffmpeg's messages go to."""
    command = command_line(output, strict)
    with (
        nullcontext(log) if log else tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL) as child,
    ):
        assert child.stdout is not None
        try:
            while block := child.stdout.read(size):
                yield block
            status = child.wait()
        finally:
            child.kill()
        log.seek(0)
        messages = log.read().decode(errors="backslashreplace")
        _check_status(status, command, messages, task)
        # ffmpeg exits with status 0 even if a file is truncated; only its messages say it.
        if strict and (truncation := re.search(r".*(?:ended prematurely|partial file).*", messages)):
            raise ToolError(f"{task}: the file is truncated. {truncation[0].strip()}")


def command_line(output: Any, strict: bool = True) -> list[str]:
    """The words of the command that runs the ffmpeg-python pipeline that ends in ``output``."""
    options = ["-hide_banner", "-nostdin", *(("-xerror", "-err_detect", "explode") if strict else ())]
    command: list[str] = ffmpeg.compile(output.overwrite_output(), cmd=[binary(), *options])
    return [restored(argument) for argument in command]


def _check_status(status: int, command: list[str], messages: str, task: str) -> None:
    if status != 0:
        last = "\n".join(messages.strip().splitlines()[-12:])
        raise ToolError(f"{task}: ffmpeg exited with status {status}.\n{printable(shlex.join(command))}\n{last}")


def decoded_content(stream: Any, pixel_format: PixelFormat, task: str, log: IO[bytes] | None = None) -> Content:
    """The SHA-256 and the number of bytes of all frames of ``stream``, decoded to raw ``pixel_format``.

    ``stream`` is an ffmpeg-python input. ``log`` is a file that ffmpeg's messages go to. Raises `ToolError` at the
    first decoding error.
    """
    output = stream.output("-", format="rawvideo", pix_fmt=pixel_format, fps_mode="passthrough")
    digest, size_bytes = hashlib.sha256(), 0
    for block in _blocks(output, 1 << 20, task, log=log):
        digest.update(block)
        size_bytes += len(block)
    return Content(digest.hexdigest(), size_bytes)


@dataclass(frozen=True)
class Probe:
    """What the first frame of a codec's own stream shows. ``format.frames`` is 0, since the number is not known yet.
    ``codec`` and ``pixel_format`` are ffmpeg's names for what the file itself holds."""

    format: VideoFormat
    codec: str
    pixel_format: str


def probe(stream: Any, name: str) -> Probe:
    """Decode the first frame of ``stream``, an ffmpeg-python input that messages call ``name``.

    Raises `ToolError` if no frame can be decoded, and `StreamError` if its pixel format is none of `PixelFormat`, so
    that ffmpeg would have to convert it.
    """
    output = stream.output("-", format="yuv4mpegpipe", strict=-1, fps_mode="passthrough", **{"frames:v": 1})
    first = run(output, f"Reading the first frame of {name}")
    description = re.search(r"Stream #0:\d.*?: Video: (\w+)[^,]*, (\w+)", first.stderr)
    if not first.stdout or description is None:
        raise ToolError(f"{name} holds no video that ffmpeg {version()} can decode.\n{first.stderr.strip()[-500:]}")
    form = read_y4m_header(io.BytesIO(first.stdout), name).format
    codec, pixel_format = description.groups()
    if pixel_format != form.pixel_format:
        raise StreamError(f"{name} holds {pixel_format}; what can be read is {', '.join(COLOURS)}.")
    return Probe(form, codec, pixel_format)


def coded_bytes(path: Path, stream: str = "v:0") -> int:
    """The size in bytes of the packets of one stream in a container, without sound and the container; ``stream`` is
    ffmpeg's specifier of it.

    Raises `ToolError` if ffmpeg cannot read the file.
    """
    output = ffmpeg.input(as_argument(path))[stream].output("-", format="data", vcodec="copy")
    return sum(map(len, _blocks(output, 1 << 20, f"Measuring {printable(path.name)}", strict=False)))
