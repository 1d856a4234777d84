"""YUV4MPEG2, a container for uncompressed video that players and encoders read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from ..errors import StreamError
from .paths import printable
from .raw import PixelFormat, RawVideo, VideoFormat

MAGIC = b"YUV4MPEG2 "
FRAME = b"FRAME\n"
LONGEST_HEADER = 1 << 16
LONGEST_FRAME_HEADER = 80
"""In bytes. ffmpeg reads no longer ones."""
COLOURS: dict[PixelFormat, str] = {
    "yuv420p": "420jpeg",
    "yuv422p": "422",
    "yuv444p": "444",
    "yuv420p10le": "420p10",
    "yuv422p10le": "422p10",
    "yuv444p10le": "444p10",
}
"""How a header names each pixel format, after ``C``."""
READ = {colour: name for name, colour in COLOURS.items()} | dict.fromkeys(
    ("420", "420mpeg2", "420paldv"),
    "yuv420p",  # These differ in where chroma is sampled, not in bytes.
)
"""The pixel format for each name that can be read."""


def write_y4m(video: RawVideo, path: Path) -> None:
    """Write a YUV video to ``path``, frame by frame. Raises what `RawVideo.read_frame_bytes` raises."""
    form = video.format
    with path.open("wb") as file:
        file.write(header_line(form))
        for frame in video.read_frame_bytes():
            file.write(FRAME)
            file.write(frame)


@dataclass(frozen=True)
class Header:
    """What the first line of a file states. ``format.frames`` is 0, since a header does not count them;
    ``pixel_aspect`` is the width of a pixel over its height, None if that is unknown; ``size_bytes`` is the line's."""

    format: VideoFormat
    pixel_aspect: Fraction | None
    size_bytes: int


def header_line(form: VideoFormat) -> bytes:
    """The first line of a file of YUV frames."""
    rate = f"F{form.frame_rate.numerator}:{form.frame_rate.denominator}"
    return f"YUV4MPEG2 W{form.width} H{form.height} {rate} Ip A1:1 C{COLOURS[form.pixel_format]}\n".encode()


def read_y4m_header(file: BinaryIO, name: str) -> Header:
    """What the first line of ``file`` states. ``name`` is what messages call the file.

    Raises `StreamError` for anything but a YUV4MPEG2 header, and for a video
    that the benchmark does not read: one of another pixel format, of full range, or interlaced.
    """
    line = file.readline(LONGEST_HEADER)
    if not line.startswith(MAGIC) or not line.endswith(b"\n"):
        raise StreamError(f"{name} is not a YUV4MPEG2 file.")
    fields = line.decode("ascii", "replace").split()[1:]
    tags = {field[:1]: field[1:] for field in fields if not field.startswith("X")}
    colour = tags.get("C", "420")
    if colour not in READ:
        raise StreamError(
            f"{name} holds {colour}; what can be read is {', '.join(READ)}. Convert it first, with ffmpeg's -pix_fmt."
        )
    if "XCOLORRANGE=FULL" in fields:
        raise StreamError(f"{name} is of full range; only limited range can be read.")
    if tags.get("I", "p") not in ("p", "?"):
        raise StreamError(f"{name} is interlaced; only progressive video can be read.")
    try:
        numerator, _, denominator = tags["F"].partition(":")
        rate = Fraction(int(numerator), int(denominator))
        form = VideoFormat(int(tags["W"]), int(tags["H"]), 0, rate, READ[colour])
        across, _, down = tags.get("A", "0:0").partition(":")
        aspect = Fraction(int(across), int(down)) if int(down) else None
        if min(form.width, form.height, rate.numerator) < 1:
            raise ValueError("a size or a rate is below 1")
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise StreamError(f"{name} has a damaged header: {line!r}.") from error
    return Header(form, aspect or None, len(line))


def count_frames(file: BinaryIO, form: VideoFormat, size_bytes: int) -> int | None:
    """The number of whole frames of format ``form`` from where ``file`` stands to its end at ``size_bytes``. None if
    anything else is there."""
    count = 0
    while opening := file.readline(LONGEST_FRAME_HEADER):
        end = file.tell() + form.frame_bytes
        if not is_frame_header(opening) or end > size_bytes:
            return None
        file.seek(end)
        count += 1
    return count


def is_frame_header(line: bytes) -> bool:
    """Whether a line begins a frame. It may have parameters, which say nothing of how samples are stored."""
    return line == FRAME or (line.startswith(b"FRAME ") and line.endswith(b"\n"))


def read_y4m(path: Path, raw_path: Path) -> VideoFormat:
    """Unpack the file at ``path`` into a raw video at ``raw_path``, and return its format.

    Raises `StreamError` if the file is damaged, truncated or holds no frames.
    """
    with path.open("rb") as file, raw_path.open("wb") as raw:
        form = read_y4m_header(file, printable(path.name)).format
        count = 0
        while opening := file.readline(LONGEST_FRAME_HEADER):
            frame = file.read(form.frame_bytes) if is_frame_header(opening) else b""
            if len(frame) != form.frame_bytes:
                raise StreamError(f"{printable(path.name)} is truncated or damaged in frame {count}.")
            raw.write(frame)
            count += 1
    if count == 0:
        raise StreamError(f"{printable(path.name)} holds no frames.")
    return dataclasses.replace(form, frames=count)
