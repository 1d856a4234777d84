"""The frame rate that follows from the times at which frames are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

LARGEST_DENOMINATOR = 1001


@dataclass(frozen=True)
class FrameRate:
    """``average`` is in frames per second, None if it is not known. ``steady`` says whether every frame comes at its
    time, to a quarter of the time between two frames."""

    average: Fraction | None
    steady: bool = True


def frame_rate(pts: Sequence[int], last_duration: int, tick: Fraction, stated: Fraction | None) -> FrameRate:
    """The rate of frames at the times ``pts``, in ticks of ``tick`` seconds and in any order, of which the last one is
    shown for ``last_duration`` ticks. ``stated`` is the rate that the file states: it is taken if the times fit it.

    >>> frame_rate([0, 33, 67, 100], 33, Fraction(1, 1000), Fraction(30))
    FrameRate(average=Fraction(30, 1), steady=True)
    >>> frame_rate([0, 20, 40, 80, 120], 40, Fraction(1, 1000), Fraction(50))
    FrameRate(average=Fraction(125, 4), steady=False)
    """
    times = np.sort(np.asarray(pts, np.int64))
    span = int(times[-1] - times[0]) if len(times) > 1 else 0
    if not span:
        return FrameRate(stated)
    between = (1 / (Fraction(span, len(times) - 1) * tick)).limit_denominator(LARGEST_DENOMINATOR)
    for rate in filter(None, (stated, between)):
        if _fits(times, float(1 / (rate * tick))):
            return FrameRate(rate)
    shown_ticks = span + (last_duration or Fraction(span, len(times) - 1))
    return FrameRate((len(times) / (shown_ticks * tick)).limit_denominator(LARGEST_DENOMINATOR), steady=False)


def _fits(times: np.ndarray, interval: float) -> bool:
    """Whether frames at these times, in ticks, come ``interval`` ticks after each other."""
    late = times - times[0] - interval * np.arange(len(times))
    return bool(np.abs(late).max() <= max(1, interval / 4))
