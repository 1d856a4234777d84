"""Opening a folder of numbered PNGs."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import ffmpeg

from ..errors import SourceError
from ..video.paths import as_argument, printable
from ..video.raw import VideoFormat
from .video_file import VideoFile


def is_hidden(path: Path) -> bool:
    """Whether nobody means ``path`` when they name its folder, as macOS's ``._clip.mp4`` beside ``clip.mp4``."""
    return path.name.startswith(".")


def pngs(folder: Path) -> list[Path]:
    """The PNG files in ``folder``, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png" and not is_hidden(path))


def png_folder(path: Path, rate: Fraction | None) -> VideoFile:
    """A video whose frames are the PNGs of a folder, in the order of the numbers at the ends of their names, at
    ``rate`` frames per second. Raises `SourceError` if they are no such video, or if the rate is None."""
    files = pngs(path)
    if not files:
        raise SourceError(f"{printable(path)} holds no PNG files.")
    suffixes = sorted({file.suffix for file in files})
    if len(suffixes) > 1:
        raise SourceError(
            f"{printable(path)}: the names of some PNG files end in {suffixes[0]} and of others in {suffixes[1]}. "
            "Rename them to one suffix."
        )
    prefix, first, width = _numbering(path, files)
    sizes = {file: _png_size(file) for file in files}
    if len(set(sizes.values())) > 1:
        other = next(file for file in files if sizes[file] != sizes[files[0]])
        raise SourceError(
            f"{printable(path)}: frames differ in size: {printable(files[0].name)} has {_size_text(sizes[files[0]])}, "
            f"{printable(other.name)} {_size_text(sizes[other])}."
        )
    if rate is None:
        raise SourceError(f"{printable(path)}: PNG files do not state a frame rate. Say it as --source-format @25.")
    before_number = f"{path}/{prefix}".replace("%", "%%")
    stream = ffmpeg.input(
        as_argument(f"{before_number}%{f'0{width}' if width > 1 else ''}d{suffixes[0]}"),
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
