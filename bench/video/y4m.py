"""YUV4MPEG2, the plain container that players and encoders read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from ..errors import StreamError
from .raw import RawVideo, VideoFormat

MAGIC = b"YUV4MPEG2 "
FRAME = b"FRAME\n"
LONGEST_HEADER = 256


def write_y4m(video: RawVideo, path: Path) -> None:
    """Write a yuv420p video, frame by frame."""
    form = video.format
    rate = f"F{form.frame_rate.numerator}:{form.frame_rate.denominator}"
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{form.width} H{form.height} {rate} Ip A1:1 C420jpeg\n".encode())
        for frame in video.array():
            file.write(FRAME)
            file.write(frame.tobytes())


def read_y4m_header(file: BinaryIO, name: str) -> VideoFormat:
    """The format that the first line states, with ``frames`` 0. Raises `StreamError`.

    Only 8-bit 4:2:0 is accepted.
    """
    line = file.readline(LONGEST_HEADER)
    if not line.startswith(MAGIC) or not line.endswith(b"\n"):
        raise StreamError(f"{name} is not a YUV4MPEG2 file.")
    tags = {field[:1]: field[1:] for field in line.decode("ascii", "replace").split()[1:]}
    if tags.get("C", "420") not in ("420", "420jpeg", "420mpeg2", "420paldv"):
        raise StreamError(f"{name} holds {tags['C']}; only 8-bit 4:2:0 can be read.")
    try:
        numerator, _, denominator = tags["F"].partition(":")
        rate = Fraction(int(numerator), int(denominator))
        form = VideoFormat(int(tags["W"]), int(tags["H"]), 0, rate, "yuv420p")
        if min(form.width, form.height, rate.numerator) < 1:
            raise ValueError("sizes and rates are above zero")
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise StreamError(f"{name} has a damaged header: {line!r}.") from error
    return form


def read_y4m(path: Path, frames: Path) -> VideoFormat:
    """Unpack ``path`` into the raw file ``frames``. Raises `StreamError` unless it is whole."""
    with path.open("rb") as file, frames.open("wb") as raw:
        form = read_y4m_header(file, path.name)
        count = 0
        while opening := file.readline(LONGEST_HEADER):
            frame = file.read(form.frame_bytes) if opening.startswith(b"FRAME") else b""
            if len(frame) != form.frame_bytes:
                raise StreamError(f"{path.name} is truncated or damaged in frame {count}.")
            raw.write(frame)
            count += 1
    if count == 0:
        raise StreamError(f"{path.name} holds no frames.")
    return VideoFormat(form.width, form.height, count, form.frame_rate, "yuv420p")
