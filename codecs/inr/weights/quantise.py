"""Choosing levels for values: the nearest levels, or those that cost few bits for the error that they make.

Values and errors are in units of the step size. The cost of levels is D + slope * R. R is their number of bits. D is
the sum of squared errors, weighted by ``importance``, whose mean over a tensor is 1. At high rates, D is 1/12 of the
squared step size for each value, and half the step size takes one bit more. From these two follows -dD/dR = ln(2)/6,
which is `HIGH_RATE_SLOPE`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .arithmetic import RATES, Contexts, new_contexts
from .deepcabac import CONTEXTS, LARGEST, SIGN, Levels, choose_rates, learn_level, level_cost

Values = NDArray[np.float32]
"""Values in units of the step size."""

HIGH_RATE_SLOPE = math.log(2) / 6
"""How much D falls with each bit more of R, at high rates and the best step size."""


def nearest(values: Values) -> Levels:
    """The level nearest to each value, in the shape of ``values``. Of two equally near levels it is the even one."""
    return np.rint(np.clip(values.astype(np.float64), -LARGEST, LARGEST)).astype(np.int32)


def rate_distortion(values: Values, importance: Values, slope: float) -> Levels:
    """Rate-distortion optimised quantisation (Wiedemann et al. 2020, section III.C).

    Levels are chosen one after another: the best of the nearest level, its neighbour towards zero, and zero, by the
    bits that each takes with the contexts at that time. D + slope * R is never greater than that of `nearest`.
    ``importance`` broadcasts to ``values``; the levels have their shape.
    """
    plain = nearest(values)
    rates = choose_rates(plain.ravel(), False)
    levels = plain.ravel().copy()
    weights = np.broadcast_to(importance, values.shape).astype(np.float32).ravel()
    cost, plain_cost = _optimise(
        values.ravel(), weights, slope, *RATES[rates], new_contexts(CONTEXTS), new_contexts(CONTEXTS), levels
    )
    return levels.reshape(values.shape) if cost < plain_cost else plain


@njit(cache=True)
def _optimise(
    values: Values,
    importance: Values,
    slope: float,
    fast: int,
    slow: int,
    contexts: Contexts,
    plain_contexts: Contexts,
    levels: Levels,
) -> tuple[float, float]:  # pragma: no cover
    """Improve ``levels`` in place. Returns D + slope * R of the new levels and of the old ones."""
    total = plain_total = 0.0
    before = plain_before = 0
    for i in range(len(values)):
        plain = int(levels[i])
        error = values[i] - plain
        bits = level_cost(plain, plain_before, SIGN + plain_before, plain_contexts)
        plain_total += importance[i] * error * error + slope * bits
        learn_level(plain, plain_before, SIGN + plain_before, plain_contexts, fast, slow)
        plain_before = 0 if plain == 0 else 1 if plain < 0 else 2

        best, best_cost = 0, np.inf
        for choice in range(3):
            towards_zero = (choice == 1) * ((plain > 0) - (plain < 0))
            candidate = plain - towards_zero if choice < 2 else 0
            error = values[i] - candidate
            bits = level_cost(candidate, before, SIGN + before, contexts)
            cost = importance[i] * error * error + slope * bits
            if cost < best_cost:
                best, best_cost = candidate, cost
        levels[i] = best
        total += best_cost
        learn_level(best, before, SIGN + before, contexts, fast, slow)
        before = 0 if best == 0 else 1 if best < 0 else 2
    return total, plain_total
