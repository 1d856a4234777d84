"""What ffmpeg's filter ``showinfo`` prints of each frame that goes through it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .colour_tags import ColourTags

FILTER = "showinfo"
FRAME = re.compile(
    r"\] n: *\d+ pts: *(?P<pts>\S+) .*?fmt:(?P<pixel_format>\w+) .*?"
    r"sar:(?P<aspect>\d+/\d+) s:(?P<width>\d+)x(?P<height>\d+) i:(?P<scan>\w)"
)
DURATION = re.compile(r" duration: *(\d+)")
CONFIGURED = re.compile(r"config in time_base: (\d+/\d+), frame_rate: (\d+/\d+)")
COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")
SIDE_DATA = re.compile(r"side data - (.*)")


@dataclass(frozen=True)
class FrameKind:
    """What all frames of a video must have in common: ffmpeg's name of the pixel format, width and height in pixels,
    and whether the frame is progressive."""

    pixel_format: str
    width: int
    height: int
    progressive: bool


@dataclass
class ShownFrames:
    """What the filter printed. ``pts`` are the times of the frames that have one, in ticks of ``tick`` seconds, in the
    order of decoding; ``last_duration`` is how many ticks the last frame is shown, 0 if unknown. ``frame_rate`` is
    what ffmpeg takes for the rate, in frames per second, None if it does not know. ``pixel_aspect``, ``full_range``,
    ``colour`` and ``side_data`` are those of the first frame."""

    kinds: dict[FrameKind, None]
    pts: list[int]
    last_duration: int = 0
    tick: Fraction = Fraction(1)
    frame_rate: Fraction | None = None
    pixel_aspect: Fraction | None = None
    full_range: bool = False
    colour: ColourTags = field(default_factory=ColourTags)
    side_data: tuple[str, ...] = ()


def shown(stream: Any) -> Any:
    """The ffmpeg-python stream ``stream``, unchanged, with the filter in it."""
    return stream.filter(FILTER, checksum=0)


def read_showinfo(lines: Iterable[str]) -> ShownFrames:
    """What the messages of a run of ffmpeg hold of the filter's."""
    frames = ShownFrames({}, [])
    count = 0
    for line in lines:
        if match := FRAME.search(line):
            count += 1
            frames.kinds[_kind(match)] = None
            if match["pts"].lstrip("-").isdigit():
                frames.pts.append(int(match["pts"]))
                duration = DURATION.search(line)
                frames.last_duration = int(duration[1]) if duration else 0
            if count == 1:
                frames.pixel_aspect = _ratio(match["aspect"])
        elif match := CONFIGURED.search(line):
            frames.tick = _ratio(match[1]) or frames.tick
            frames.frame_rate = frames.frame_rate or _ratio(match[2])
        elif count == 1 and (match := SIDE_DATA.search(line)):
            frames.side_data += (match[1],)
        elif count == 1 and (match := COLOUR.search(line)):
            frames.full_range = match[1] == "pc"
            frames.colour = ColourTags(*match.groups()[1:])
    return frames


def _kind(match: re.Match[str]) -> FrameKind:
    return FrameKind(match["pixel_format"], int(match["width"]), int(match["height"]), match["scan"] == "P")


def _ratio(text: str) -> Fraction | None:
    numerator, denominator = map(int, text.split("/"))
    return Fraction(numerator, denominator) if numerator and denominator else None
