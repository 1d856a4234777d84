"""BD-rate: how many more bits a codec needs than an anchor for the same quality, on average.

Each curve is interpolated as ln(rate) over quality, and the gap between the two is averaged over
the qualities that both curves reach (Bjøntegaard, VCEG-M33, with pchip in place of the cubic).
Nothing is ever extrapolated. Where the points do not support a number, the answer is a reason.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator, CubicSpline, PchipInterpolator, PPoly

MIN_POINTS = 4
MIN_OVERLAP = 0.5
GOOD_OVERLAP = 0.75

Points = Sequence[tuple[float, float]]
"""(rate, quality) of each point of a curve, in any order. All rates are in the same unit and above zero;
quality is in dB, or in another unit that grows as quality does."""

SortedPoints = tuple[tuple[float, float], ...]
"""`Points` sorted by rising rate."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BDRate:
    """``value`` is in percent, and negative where the test codec needs fewer bits than the anchor. It is None if it
    was refused, and then ``reason`` says why."""

    value: float | None = None
    reason: str | None = None
    overlap: float | None = None
    """The part of the smaller one of the two quality ranges that both curves cover, 0 to 1."""
    spread: float | None = None
    """The difference, in percentage points, between the lowest and the highest BD-rate by pchip, Akima and cubic
    spline. Where it is large, the value says more about the interpolation than about the codecs."""
    warning: str | None = None


def bd_rate(anchor: Points, test: Points) -> BDRate:
    """The BD-rate of ``test`` against ``anchor``, or the reason why there is none.

    >>> anchor = [(1.0, 30.0), (2.0, 33.0), (4.0, 36.0), (8.0, 39.0)]
    >>> round(bd_rate(anchor, [(rate / 2, quality) for rate, quality in anchor]).value, 6)
    -50.0
    """
    anchor, test = sorted(anchor), sorted(test)
    reason = _unusable(anchor, "anchor") or _unusable(test, "test")
    if reason:
        return BDRate(reason=reason)

    low = max(anchor[0][1], test[0][1])
    high = min(anchor[-1][1], test[-1][1])
    overlap = max(0.0, high - low) / min(curve[-1][1] - curve[0][1] for curve in (anchor, test))
    if overlap < MIN_OVERLAP:
        shown = math.floor(100 * overlap) / 100  # rounded down, so that a refused overlap never reads 0.50
        reason = f"overlap {shown:.2f}; {MIN_OVERLAP} is needed" if overlap else "the curves share no quality"
        return BDRate(reason=reason, overlap=overlap)

    values = _percent(tuple(anchor), tuple(test), low, high)
    if not math.isfinite(values[0]):
        return BDRate(reason="the points lie too close together to interpolate", overlap=overlap)
    finite = [value for value in values if not math.isnan(value)]
    return BDRate(
        value=values[0],
        overlap=overlap,
        spread=max(finite) - min(finite),
        warning=f"overlap {overlap:.2f}; {GOOD_OVERLAP} is wished for" if overlap < GOOD_OVERLAP else None,
    )


def _unusable(curve: Points, name: str) -> str | None:
    """The reason why a sorted curve gives no BD-rate; None if it can give one."""
    for rate, quality in curve:
        if not (math.isfinite(rate) and math.isfinite(quality) and rate > 0):
            return f"the {name} curve has the point ({_point(rate, quality)}), which has no place on a log-rate axis"
    if len(curve) < MIN_POINTS:
        return f"the {name} curve has {len(curve)} points; {MIN_POINTS} are needed"
    for before, after in pairwise(curve):
        if after[1] <= before[1]:
            return f"quality on the {name} curve does not rise from ({_point(*before)}) to ({_point(*after)})"
    return None


def _point(rate: float, quality: float) -> str:
    return f"rate {rate:.5g}, quality {quality:.5g}"


METHODS = (PchipInterpolator, Akima1DInterpolator, CubicSpline)
"""The interpolations that are compared. The first one gives the value, all of them give the spread."""


def _percent(anchor: SortedPoints, test: SortedPoints, low: float, high: float) -> list[float]:
    """The mean gap between the curves from quality ``low`` to ``high``, in percent, by each of `METHODS`. It is NaN
    where the method cannot pass through the points, and infinite where the method leaves all bounds."""
    limits = np.array([low, high])
    with np.errstate(all="ignore"):
        below, above = _antiderivatives(test)(limits) - _antiderivatives(anchor)(limits)
        gaps: list[float] = (100 * np.expm1((above - below) / (high - low))).tolist()
    return gaps


@functools.lru_cache(maxsize=4096)
def _antiderivatives(curve: SortedPoints) -> PPoly[np.float64]:
    """The antiderivatives of ln(rate) over quality by each of `METHODS`, as one function of shape (3,). They are
    cached, since a curve is compared with many others."""
    quality, rate = np.array(curve, np.float64).T[::-1]
    coefficients = [_coefficients(method, quality, np.log(rate)) for method in METHODS]
    with np.errstate(all="ignore"):
        return PPoly(np.stack(coefficients, axis=-1), quality, extrapolate=False).antiderivative()


def _coefficients(method: Callable[[Array, Array], PPoly[np.float64]], x: Array, y: Array) -> Array:
    """The coefficients of the method's polynomials, (4, pieces); NaN if the method refuses the points."""
    try:
        with np.errstate(all="ignore"):
            return method(x, y).c
    except ValueError:
        return np.full((4, len(x) - 1), np.nan)
