"""Opening a video file that a user has: raw YUV, YUV4MPEG2, a container that ffmpeg reads, or numbered PNGs."""

from __future__ import annotations

import dataclasses
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import ffmpeg

from ..errors import SourceError, StreamError, ToolError
from ..files import Content
from ..video import ffmpeg as tool
from ..video.paths import as_argument, printable
from ..video.raw import YUV_FORMATS, PixelFormat, RawVideo, VideoFormat
from ..video.y4m import FRAME, read_y4m_header
from .contents import cached_content

CONTAINERS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v", ".ts")
SUFFIXES = (".yuv", ".y4m", *CONTAINERS)
LOSSLESS = ("rawvideo", "ffv1", "ffvhuff", "huffyuv", "utvideo")
"""ffmpeg's names of the codecs that keep every sample."""

Kind = Literal["yuv", "y4m", "container", "png"]


@dataclass(frozen=True)
class StatedFormat:
    """What a user states about files that do not state it themselves: the ``size`` as (width, height) in pixels, the
    ``frame_rate`` in frames per second, and the ``pixel_format``. None stands for what is not stated."""

    size: tuple[int, int] | None = None
    frame_rate: Fraction | None = None
    pixel_format: PixelFormat | None = None


@dataclass(frozen=True)
class VideoFile:
    """A video on disk. ``format.frames`` is 0 if the number of frames is not known before all are decoded.

    ``stream`` is an ffmpeg-python input. ``files`` are all files that it is read from. ``codec`` is ffmpeg's name of
    the codec that the file is coded with.
    """

    path: Path
    kind: Kind
    format: VideoFormat
    stream: Any
    files: tuple[Path, ...]
    codec: str = "rawvideo"

    @property
    def lossless(self) -> bool:
        """Whether the file keeps the samples that were put into it."""
        return self.codec in LOSSLESS or self.kind == "png"

    def read(self, cache: Path) -> tuple[VideoFormat, Content]:
        """Decode all frames. Returns the format with the number of frames, and the digest and size of the raw frames.

        ``cache`` keeps the result until the file changes. Raises `SourceError` if anything in the file cannot be read,
        and `StoreError` if the cache cannot be written.
        """
        task = f"Reading {printable(self.path.name)}"
        question = f"{self.format.pixel_format} frames, decoded by ffmpeg {tool.version()}"
        try:
            content = cached_content(
                self.files,
                question,
                cache,
                lambda: tool.decoded_content(self.stream, self.format.pixel_format, task),
            )
        except ToolError as error:
            raise SourceError(f"{printable(self.path)} is damaged. {error}") from error
        frames, rest = divmod(content.size_bytes, self.format.frame_bytes)
        if rest or not frames or frames != (self.format.frames or frames):
            raise SourceError(
                f"{printable(self.path)}: decoding gave {frames} frames of {self.format.width}x{self.format.height} "
                f"and {rest} bytes; expected {self.format.frames or 'at least one'}. It is damaged, or its frames "
                "differ in size."
            )
        return dataclasses.replace(self.format, frames=frames), content


def is_video(path: Path) -> bool:
    """Whether ``path`` looks like a video to `open_file`: a file with one of `SUFFIXES`, or a folder with PNGs."""
    return path.suffix.lower() in SUFFIXES if path.is_file() else path.is_dir() and any(path.glob("*.png"))


def open_file(path: Path, stated: StatedFormat = StatedFormat()) -> VideoFile:
    """Open the video at ``path``. What ``stated`` says wins over what the name of the file says.

    Raises `SourceError` for a path that is no video, for a video that cannot be read without loss, and for damage that
    shows without decoding all frames; `VideoFile.read` finds the rest. Raises `ToolError` if there is no ffmpeg.
    """
    if not path.exists():
        raise SourceError(f"{printable(path)} does not exist.")
    if path.is_dir():
        return _png_folder(path, stated)
    suffix = path.suffix.lower()
    tool.binary()  # This reports a missing ffmpeg as such, not as a fault of the file.
    if suffix == ".yuv":
        return _yuv(path, stated)
    try:
        if suffix == ".y4m":
            return _y4m(path)
        if suffix in CONTAINERS:
            return _container(path)
    except (StreamError, ToolError) as error:
        raise SourceError(f"{printable(path)} cannot be used: {error}") from error
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


def _y4m(path: Path) -> VideoFile:
    with path.open("rb") as file:
        form = read_y4m_header(file, printable(path.name))
        rest = path.stat().st_size - file.tell()
    frames, odd = divmod(rest, len(FRAME) + form.frame_bytes)
    if odd or not frames:
        raise SourceError(
            f"{printable(path)} is truncated or damaged: {rest:,} bytes follow its header, "
            f"{rest / (len(FRAME) + form.frame_bytes):.3f} frames of {form.width}x{form.height} {form.pixel_format}."
        )
    stream = ffmpeg.input(as_argument(path), format="yuv4mpegpipe")
    return VideoFile(path, "y4m", dataclasses.replace(form, frames=frames), stream, (path,))


def _container(path: Path) -> VideoFile:
    stream = ffmpeg.input(as_argument(path))["v:0"]
    probe = tool.probe(stream, printable(path.name))
    return VideoFile(path, "container", probe.format, stream, (path,), probe.codec)


# --- Numbered PNGs ---------------------------------------------------------------------------


def _png_folder(path: Path, stated: StatedFormat) -> VideoFile:
    """A video whose frames are the PNGs of a folder, in the order of the numbers at the ends of their names."""
    files = sorted(path.glob("*.png"))
    if not files:
        raise SourceError(f"{printable(path)} holds no PNG files.")
    prefix, first, width = _numbering(path, files)
    sizes = {file: _png_size(file) for file in files}
    if len(set(sizes.values())) > 1:
        other = next(file for file in files if sizes[file] != sizes[files[0]])
        raise SourceError(
            f"{printable(path)}: frames differ in size: {printable(files[0].name)} has {_size_text(sizes[files[0]])}, "
            f"{printable(other.name)} {_size_text(sizes[other])}."
        )
    rate = _frame_rate(path, stated, format_in_name(path.name))
    if rate is None:
        raise SourceError(f"{printable(path)}: PNG files do not state a frame rate. Say it as --source-format @25.")
    before_number = f"{path}/{prefix}".replace("%", "%%")
    stream = ffmpeg.input(
        as_argument(f"{before_number}%{f'0{width}' if width > 1 else ''}d.png"),
        format="image2",
        pattern_type="sequence",
        start_number=first,
        framerate=str(rate),
    )
    form = VideoFormat(*sizes[files[0]], len(files), rate, "rgb24")
    return VideoFile(path, "png", form, stream, tuple(files), "png")


def _numbering(path: Path, files: list[Path]) -> tuple[str, int, int]:
    """The text before the number in each name, the first number, and the number of digits that zeros fill it up to.

    Raises `SourceError` if the names are not numbered in one way and without a gap.
    """
    matches = {file: re.fullmatch(r"(.*?)(\d+)", file.stem, re.DOTALL) for file in files}
    bare = [file.name for file, match in matches.items() if match is None]
    if bare:
        raise SourceError(f"{printable(path)}: {printable(bare[0])} has no number at the end of its name.")
    parts = [(match[1], match[2]) for match in matches.values() if match]
    prefixes = sorted({prefix for prefix, _ in parts})
    if len(prefixes) > 1:
        raise SourceError(
            f"{printable(path)} holds several sequences: {prefixes[0]!r}… and {prefixes[1]!r}…. Give each a folder."
        )
    digits = [number for _, number in parts]
    padded = any(number.startswith("0") and len(number) > 1 for number in digits)
    if padded and len({len(number) for number in digits}) > 1:
        raise SourceError(f"{printable(path)}: some numbers are filled up with zeros and others are not.")
    numbers = {int(number) for number in digits}
    first, last = min(numbers), max(numbers)
    gaps = [number for number in range(first, last + 1) if number not in numbers]
    if gaps:
        named = ", ".join(map(str, gaps[:5])) + (", …" if len(gaps) > 5 else "")
        raise SourceError(f"{printable(path)}: {len(gaps)} of the frames {first} to {last} are missing: {named}.")
    return prefixes[0], first, len(digits[0]) if padded else 1


def _png_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the PNG's header (PNG specification, 11.2.1).

    Raises `SourceError` for a file that is no PNG, or no 8-bit RGB.
    """
    with path.open("rb") as file:
        header = file.read(26)
    if len(header) < 26 or not header.startswith(b"\x89PNG\r\n\x1a\n") or header[12:16] != b"IHDR":
        raise SourceError(f"{printable(path)} is not a PNG file.")
    width, height, bits, colour_type = struct.unpack(">IIBB", header[16:])
    if (bits, colour_type) != (8, 2):
        raise SourceError(
            f"{printable(path)} has {bits} bits a sample and colour type {colour_type}; only 8-bit RGB (type 2) can be "
            "read."
        )
    return width, height


def _size_text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
