"""Choosing levels for values: the nearest ones, or those that are cheap for the error they make.

Values and errors are in steps, and errors weighted by ``importance`` (of a mean of 1 over a tensor, or
just 1), so that ``slope`` weighs bits against squared steps: D + slope * R. At high rates, rounding at random costs
1/12 of a squared step, and halving the step a bit, which makes ln(2)/6 the slope of a whole.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .arithmetic import RATES, Contexts, new_contexts
from .deepcabac import CONTEXTS, LARGEST, SIGN, Levels, choose_rates, learn_level, level_cost

Values = NDArray[np.float32]

HIGH_RATE_SLOPE = math.log(2) / 6


def nearest(values: Values) -> Levels:
    """Half-way cases go to the even level."""
    return np.rint(np.clip(values.astype(np.float64), -LARGEST, LARGEST)).astype(np.int32)


def rate_distortion(values: Values, importance: Values, slope: float) -> Levels:
    """Rate-distortion optimised quantisation (Wiedemann et al. 2020, section III.C).

    One level after another is the best of the nearest, its neighbour towards zero, and zero, for the
    bits that it takes as the contexts then stand. Never worse in D + slope * R than `nearest`.
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
    """Improve ``levels``. Returns the cost of the new and of the old ones."""
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
