"""Opening a video file that a user has: raw YUV, YUV4MPEG2, a container that ffmpeg reads, or numbered PNGs."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from ..errors import SourceError, StreamError, ToolError
from ..files import write_bytes
from ..video import ffmpeg as tool
from ..video.paths import as_argument, printable
from ..video.raw import YUV_FORMATS, RawVideo, VideoFormat
from ..video.y4m import Header, count_frames, header_line, read_y4m_header
from .cache import cache_folder
from .container import CONTAINERS, ELEMENTARY, aspect_notes, open_container
from .pictures import png_folder, pngs
from .video_file import StatedFormat, VideoFile

SUFFIXES = (".yuv", ".y4m", *CONTAINERS, *ELEMENTARY)


def is_video(path: Path) -> bool:
    """Whether ``path`` looks like a video to `open_file`: a file with one of `SUFFIXES`, or a folder with PNGs."""
    return path.suffix.lower() in SUFFIXES if path.is_file() else path.is_dir() and bool(pngs(path))


def open_file(path: Path, stated: StatedFormat = StatedFormat()) -> VideoFile:  # noqa: B008
    """Open the video at ``path``. What ``stated`` says wins over what the name of the file says.

    Raises `SourceError` for a path that is no video, for a video that cannot be read without loss, and for damage that
    shows without decoding all frames; `VideoFile.read` finds the rest. Raises `ToolError` if there is no ffmpeg.
    """
    if not path.exists():
        raise SourceError(f"{printable(path)} does not exist.")
    if path.is_dir():
        return png_folder(path, _frame_rate(path, stated, format_in_name(path.name)))
    suffix = path.suffix.lower()
    tool.binary()  # This reports a missing ffmpeg as such, not as a fault of the file.
    if suffix == ".yuv":
        return _yuv(path, stated)
    try:
        if suffix == ".y4m":
            return _y4m(path)
        if suffix in (*CONTAINERS, *ELEMENTARY):
            return open_container(path, stated)
    except (StreamError, ToolError) as error:
        raise SourceError(f"{printable(path)} cannot be used: {error}") from error
    if suffix == ".gif":
        raise SourceError(
            f"{printable(path)} is a GIF, which holds at most 256 colours of RGB, each frame for a time of its own. "
            f"Make PNGs of it, and say the rate as --source-format @25: ffmpeg -i {printable(path.name)} "
            "-pix_fmt rgb24 frames/%05d.png."
        )
    raise SourceError(
        f"{printable(path)} is no video that can be read: expected {', '.join(SUFFIXES)} or a folder of PNGs."
    )


# --- Raw YUV, whose name states its format ---------------------------------------------------

NAMED_SIZES = {"qcif": (176, 144), "cif": (352, 288), "4cif": (704, 576), "480p": (832, 480), "720p": (1280, 720)}
NAMED_SIZES |= {"1080p": (1920, 1080), "2160p": (3840, 2160)}
"""Width and height in pixels of the sizes that have a name of their own."""


def format_in_name(name: str) -> StatedFormat:
    """The size, frame rate and pixel format that a file's name, without its suffix, states. What it does not state is
    None.

    >>> format_in_name("Beauty_1920x1080_120fps_420_8bit_YUV").size
    (1920, 1080)
    >>> format_in_name("BQTerrace_1920x1080_60_10bit_422").pixel_format
    'yuv422p10le'
    >>> format_in_name("foreman_cif_29.97fps").frame_rate
    Fraction(30000, 1001)
    """
    words = re.split(r"[_\-\s]+", name.lower())
    size = rate = None
    for position, word in enumerate(words):
        if match := re.fullmatch(r"(\d{2,5})x(\d{2,5})(?:p(\d+))?", word):
            size = int(match[1]), int(match[2])
            after = match[3] or (words[position + 1] if position + 1 < len(words) else "")
            if re.fullmatch(r"\d{2,3}(\.\d+)?", after) and after not in ("420", "422", "444"):
                rate = as_rate(after)
        elif match := re.fullmatch(r"(\d+(?:\.\d+)?)(?:fps|hz)", word):
            rate = as_rate(match[1])
        elif word in NAMED_SIZES:
            size = size or NAMED_SIZES[word]
    named = re.search(r"(?:^|_)(?:yuv)?(420|422|444)p?(?:(10)(?:le)?)?(?=_|$)", "_".join(words))
    ten = bool(named and named[2]) or any(word in ("10bit", "10b", "p010") for word in words)
    sampling = named[1] if named else "420" if ten or "8bit" in words else None
    pixel_format = next((f for f in YUV_FORMATS if sampling and f == f"yuv{sampling}p{'10le' if ten else ''}"), None)
    return StatedFormat(size, rate, pixel_format)


def as_rate(text: str) -> Fraction:
    """The frame rate, in frames per second, that ``25``, ``30000/1001`` or ``29.97`` states. The last of these stands
    for 30000/1001. Raises `ValueError` or `ZeroDivisionError` for text that is no number.

    >>> as_rate("23.976"), as_rate("12.5")
    (Fraction(24000, 1001), Fraction(25, 2))
    """
    rate = Fraction(text)
    for nominal in (24, 30, 48, 60, 120):
        if abs(float(rate) - nominal / 1.001) < 0.006:
            return Fraction(nominal * 1000, 1001)
    return rate


def _yuv(path: Path, stated: StatedFormat) -> VideoFile:
    named = format_in_name(path.stem)
    size, rate = stated.size or named.size, _frame_rate(path, stated, named)
    pixel_format = stated.pixel_format or named.pixel_format or "yuv420p"
    if size is None or rate is None:
        missing = " and ".join(what for what, value in (("size", size), ("frame rate", rate)) if value is None)
        raise SourceError(
            f"{printable(path)}: the name does not state the {missing}. Say it as --source-format "
            f"1920x1080@120:yuv420p, or in the name, as in {printable(path.stem)}_1920x1080_120fps_420_8bit.yuv."
        )
    form = VideoFormat(*size, 0, rate, pixel_format)
    size_bytes = path.stat().st_size
    frames, rest = divmod(size_bytes, form.frame_bytes)
    if rest or not frames:
        raise SourceError(
            f"{printable(path)} has {size_bytes:,} bytes, no multiple of the {form.frame_bytes:,} of a frame of "
            f"{form.width}x{form.height} {pixel_format}: {size_bytes / form.frame_bytes:.3f} frames. It is truncated "
            "or of another format: then say which, as --source-format 1920x1080@120:yuv420p."
        )
    video = RawVideo(path, dataclasses.replace(form, frames=frames))
    return VideoFile(path, "yuv", video.format, tool.raw_input(video), (path,))


def _frame_rate(path: Path, stated: StatedFormat, named: StatedFormat) -> Fraction | None:
    """The frame rate that the user states, or else the name; None if neither does. Raises `SourceError` for 0."""
    rate = named.frame_rate if stated.frame_rate is None else stated.frame_rate
    if rate == 0:
        raise SourceError(f"{printable(path)}: the frame rate is 0. Say the right one as --source-format @25.")
    return rate


# --- Files that state their format themselves ------------------------------------------------


LONGEST_Y4M_HEADER = 96
"""In bytes. ffmpeg reads no longer ones."""


def _y4m(path: Path) -> VideoFile:
    with path.open("rb") as file:
        header = read_y4m_header(file, printable(path.name))
        form, size = header.format, path.stat().st_size
        frames = count_frames(file, form, size)
    if not frames:
        rest, frame_bytes = size - header.size_bytes, len(b"FRAME\n") + form.frame_bytes
        raise SourceError(
            f"{printable(path)} is truncated or damaged: {rest:,} bytes follow its header, "
            f"{rest / frame_bytes:.3f} frames of {form.width}x{form.height} {form.pixel_format}."
        )
    stream = _y4m_input(path, header, size)
    notes = tuple(aspect_notes(header.pixel_aspect))
    return VideoFile(path, "y4m", dataclasses.replace(form, frames=frames), stream, (path,), notes=notes)


def _y4m_input(path: Path, header: Header, size: int) -> Any:
    """The file as an ffmpeg-python input. For a header that is too long for ffmpeg, it is given a short one, which the
    cache keeps, and the file from there on."""
    name = as_argument(path)
    if header.size_bytes > LONGEST_Y4M_HEADER:
        line = header_line(header.format)
        short = cache_folder() / "headers" / f"{hashlib.sha256(line).hexdigest()[:16]}.y4m"
        if "|" in f"{path}{short}":
            raise SourceError(
                f"{printable(path)} has a header of {header.size_bytes} bytes, which is read only if the path has no "
                "'|' in it. Rename it."
            )
        if not short.exists():
            write_bytes(short, line)
        part = f"subfile,,start,{header.size_bytes},end,{size},,:{as_argument(path.absolute())}"
        name = f"concat:{as_argument(short.absolute())}|{part}"
    return ffmpeg.input(name, format="yuv4mpegpipe")
