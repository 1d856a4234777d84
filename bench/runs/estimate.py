"""How long a cell will take, by the records of earlier ones."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from ..codec import Codec
from ..errors import BenchError
from ..records.record import Record
from ..video.raw import VideoFormat
from .encoder import make_codec


def estimate_seconds(codec: Codec, video: VideoFormat, records: Iterable[Record]) -> float | None:
    """The wall-clock seconds of a cell on a machine of which ``records`` are; None if none is of the codec.

    The record that has the most parameters in common counts, and of several the one whose clip is closest in size. Its
    time is scaled by the number of pixels and of passes through them. The size of a network is not scaled by.
    """
    known = [record for record in records if record.codec.name == codec.name and _seconds(record) is not None]
    nearest = max(known, key=lambda record: _likeness(codec, video, record), default=None)
    if nearest is None:
        return None
    seconds, passes = _seconds(nearest), _passes(nearest)
    if seconds is None or passes is None:
        return None
    return seconds * (video.pixels * codec.passes()) / (nearest.clip.yuv.format.pixels * passes)


def _likeness(codec: Codec, video: VideoFormat, record: Record) -> tuple[int, float]:
    asked, there = codec.parameters(), record.codec.parameters
    common = sum(there.get(name) == value for name, value in asked.items())
    return common, -abs(math.log(video.pixels / record.clip.yuv.format.pixels))


def _seconds(record: Record) -> float | None:
    """What the cell took; without measuring where its encoder had company, or an earlier run had begun it."""
    if record.wall_seconds is not None:
        return record.wall_seconds
    costs = [cost for cost in (record.encode, record.decode, record.decode_one_core) if cost]
    return sum(cost.seconds + cost.overhead_seconds for cost in costs) if record.encode else None


def _passes(record: Record) -> float | None:
    """None if the codec of the record is no longer there, or has other parameters by now."""
    try:
        return make_codec(record.codec.name, record.codec.parameters).passes()
    except (BenchError, msgspec.ValidationError):
        return None


def in_words(seconds: float) -> str:
    """A duration, as exactly as an estimate is.

    >>> in_words(0.3), in_words(75), in_words(5000), in_words(40000)
    ('1 s', '75 s', '83 min', '11.1 h')
    """
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
