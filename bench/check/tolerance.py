"""How far a result may be from the baseline where it need not agree to the last bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class Tolerance:
    """Of bytes and of BD-rates in ``percent`` of the baseline, of PSNR and MS-SSIM in ``decibels``."""

    percent: float
    decibels: float


STANDARD = Tolerance(1.0, 0.04)
"""Of standard codecs. With AVX-512 in place of AVX2, x264 decides some blocks otherwise: at most 0.59 % of the bytes,
0.020 dB of PSNR and 0.036 dB of MS-SSIM at six rates of 32 frames. No other encoder here differs at all."""

TRAINED = Tolerance(30.0, 0.5)
"""Of networks of which the baseline has one seed. Between float32 and bfloat16, twelve networks of the preset quick
differed by at most 27 % of the bytes, 0.20 dB of PSNR and 0.43 dB of MS-SSIM."""

FLOOR = Tolerance(2.0, 0.05)
"""Of networks of which the baseline has several seeds: two or three seeds may lie close together by chance."""

SAME_FRAMES_DECIBELS = 0.01
"""Between the qualities of equal frames, of any codec: only the rounding of sums remains."""

COVERAGE = 0.99
"""The part of all checks of unchanged trainings in which every rate point lies within what the seeds allow, and that in
which every curve does."""


@dataclass(frozen=True)
class Allowance:
    """The largest difference that is allowed, and ``source``: what it rests on, in words."""

    largest: float
    source: Literal["stated", "seeds"]


@dataclass(frozen=True)
class Spread:
    """The standard deviation of trainings that differ in their seed alone, and its degrees of freedom."""

    deviation: float
    degrees: int


def pooled_spread(groups: Sequence[Sequence[float]]) -> Spread | None:
    """The spread within groups that are alike in it: the rate points of a curve, each with its seeds. None where no
    group has two values.

    >>> pooled_spread([[1.0, 3.0], [5.0, 7.0], [9.0]])
    Spread(deviation=1.4142135623730951, degrees=2)
    """
    degrees = sum(len(group) - 1 for group in groups if group)
    if not degrees:
        return None
    squares = math.fsum((value - math.fsum(group) / len(group)) ** 2 for group in groups for value in group)
    return Spread(math.sqrt(squares / degrees), degrees)


def prediction_half_width(spread: Spread, seen: int, new: int = 1, comparisons: int = 1) -> float:
    """How far the mean of ``new`` further trainings lies at most from the mean of the ``seen`` ones, if nothing but
    the seeds differs: t · s · sqrt(1/new + 1/seen), the prediction interval of normal values.

    Bonferroni's correction makes `COVERAGE` that of so many ``comparisons`` together: an interval for each one alone
    would give a false alarm in most checks of many cells.
    """
    missed = (1 - COVERAGE) / comparisons
    quantile = float(stdtrit(spread.degrees, 1 - missed / 2))
    return quantile * spread.deviation * float(np.sqrt(1 / new + 1 / seen))


def allowance(stated: float, floor: float, spread: Spread | None, seen: int, new: int, comparisons: int) -> Allowance:
    """What the seeds span, and the ``floor`` at least; ``stated`` where there are no seeds to tell."""
    if spread is None or not math.isfinite(spread.deviation):
        return Allowance(stated, "stated")
    return Allowance(max(floor, prediction_half_width(spread, seen, new, comparisons)), "seeds")
