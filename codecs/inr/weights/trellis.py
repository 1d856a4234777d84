"""Dependent quantisation: each level decides which of two interleaved quantisers is used for the next value.

It follows Kirchhoffer et al. 2021 (doi 10.1109/TCSVT.2021.3095970, section III), after the trellis-coded quantisation
of Marcellin and Fischer (1990). There are eight states. In an even state, level k stands for 2k step sizes, and in an
odd state for 2k - sign(k). The parity of k leads to the next state. Each quantiser alone is twice as coarse as the step
size, but the choice between paths through the states gains back most of the precision that this costs. The Viterbi
algorithm finds the path with the least D + slope * R (`quantise`).

In the sources, each path has contexts of its own. Here all paths share the contexts with which a block of levels began,
and the contexts learn from the block when its path has been chosen. This is ten times as fast.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .arithmetic import RATES, Contexts, bin_cost, new_contexts
from .deepcabac import (
    ABOVE,
    CONTEXTS,
    LONGEST_SUFFIX,
    NEXT_STATE,
    PREFIX,
    SIGN,
    STATES,
    UNARY,
    Levels,
    choose_rates,
    learn_level,
)
from .quantise import Values, nearest

SMALLEST_BLOCK, LARGEST_BLOCK = 32, 1024
"""The number of levels in the first block, and in the longest. Each block is twice as long as the one before, since
contexts learn most at the start."""
LARGEST_LEVEL = 1 << 28
"""Values beyond this many step sizes are clipped."""
SLOPE = 4 * 0.7
"""The slope of this quantiser at high rates, as a factor of that of `quantise`. Levels are two step sizes apart instead
of one, which makes squared errors four times as large; the choice between paths leaves 0.7 of that."""


def dependent(values: Values, importance: Values, slope: float) -> Levels:
    """The levels of the best path, in the shape of ``values``, for ``importance`` and ``slope`` as in `quantise`.

    The result is the same on every run. Of two equally good levels, the one of smaller magnitude is taken.
    """
    flat = np.clip(values, -LARGEST_LEVEL, LARGEST_LEVEL).astype(np.float64).ravel()
    weights = np.broadcast_to(importance, values.shape).astype(np.float64).ravel()
    rates = choose_rates(nearest((flat / 2).astype(np.float32)), False)
    levels = np.zeros(len(flat), np.int32)
    _search(flat, weights, SLOPE * slope, *RATES[rates], new_contexts(CONTEXTS), levels)
    return levels.reshape(values.shape)


def reconstruct(levels: Levels) -> NDArray[np.int64]:
    """The multiples of the step size that levels stand for, in the shape of ``levels``."""
    multiples = np.empty(levels.size, np.int64)
    _reconstruct(levels.ravel(), multiples)
    return multiples.reshape(levels.shape)


@njit(cache=True)
def _reconstruct(levels: Levels, multiples: NDArray[np.int64]) -> None:  # pragma: no cover
    state = 0
    for i in range(len(levels)):
        level = int(levels[i])
        multiples[i] = 2 * level - (state & 1) * ((level > 0) - (level < 0))
        state = int(NEXT_STATE[state, level & 1])


@njit(cache=True)
def _tables(
    contexts: Contexts,
    sig: NDArray[np.float64],
    sign: NDArray[np.float64],
    above: NDArray[np.float64],
    prefix: NDArray[np.float64],
) -> None:  # pragma: no cover
    """Fill the tables with the bits that each part of a level costs with these contexts.

    The indices of ``sig`` are the context and the bin; those of ``sign`` are the sign of the level before, and whether
    this level is positive. Those of ``above`` are whether this level is positive, and how many of the bins *above* are
    1. The index of ``prefix`` is e; its costs include the suffix.
    """
    for context in range(SIGN):
        sig[context, 0], sig[context, 1] = bin_cost(contexts, context, 0), bin_cost(contexts, context, 1)
    for before in range(3):
        sign[before, 0] = bin_cost(contexts, SIGN + before, 1)
        sign[before, 1] = bin_cost(contexts, SIGN + before, 0)
    for positive in range(2):
        ones = 0.0
        for k in range(UNARY):
            above[positive, k] = ones + bin_cost(contexts, ABOVE + 2 * k + positive, 0)
            ones += bin_cost(contexts, ABOVE + 2 * k + positive, 1)
        above[positive, UNARY] = ones
    ones = 0.0
    for e in range(LONGEST_SUFFIX + 1):
        prefix[e] = ones + bin_cost(contexts, PREFIX + e, 0) + e
        ones += bin_cost(contexts, PREFIX + e, 1)


@njit(cache=True)
def _search(
    values: NDArray[np.float64],
    importance: NDArray[np.float64],
    slope: float,
    fast: int,
    slow: int,
    contexts: Contexts,
    levels: Levels,
) -> None:  # pragma: no cover
    """Fill ``levels`` by the Viterbi algorithm, block by block.

    For each state, ``costs`` has the cost of the best path that leads to it, ``before`` the sign of that path's last
    level, ``chosen`` the path's level at each place in the block, and ``origin`` the state before that level.
    """
    sig, sign = np.zeros((SIGN, 2)), np.zeros((3, 2))
    above, prefix = np.zeros((2, UNARY + 1)), np.zeros(LONGEST_SUFFIX + 1)
    chosen = np.zeros((LARGEST_BLOCK, STATES), np.int32)
    origin = np.zeros((LARGEST_BLOCK, STATES), np.int64)
    first_state = first_before = 0
    start, length = 0, SMALLEST_BLOCK
    while start < len(values):
        end = min(start + length, len(values))
        _tables(contexts, sig, sign, above, prefix)
        costs = np.full(STATES, np.inf)
        before = np.zeros(STATES, np.int64)
        costs[first_state], before[first_state] = 0.0, first_before
        for i in range(start, end):
            value, weight = values[i], importance[i]
            new_costs = np.full(STATES, np.inf)
            new_before = np.zeros(STATES, np.int64)
            negative = value < 0
            magnitude = -value if negative else value
            positive = 0 if negative else 1
            for state in range(STATES):
                if costs[state] == np.inf:
                    continue
                odd = state & 1
                context = 3 * state + before[state]
                low = np.int64((magnitude + odd) / 2)
                for candidate in range(3):
                    k = 0 if candidate == 2 else low + candidate
                    if candidate < 2 and k == 0:
                        continue
                    if k == 0:
                        error, bits = value, sig[context, 0]
                    else:
                        error = magnitude - (2 * k - odd)
                        bits = sig[context, 1] + sign[before[state], positive]
                        if k <= UNARY:
                            bits += above[positive, k - 1]
                        else:
                            rest, e = k - UNARY, 0
                            while rest >> (e + 1):
                                e += 1
                            bits += above[positive, UNARY] + prefix[e]
                    cost = costs[state] + weight * error * error + slope * bits
                    following = NEXT_STATE[state, k & 1]
                    if cost < new_costs[following]:
                        new_costs[following] = cost
                        new_before[following] = 0 if k == 0 else 1 + positive
                        chosen[i - start, following] = -k if negative else k
                        origin[i - start, following] = state
            costs, before = new_costs, new_before
        state = int(np.argmin(costs))
        last_state, last_before = state, int(before[state])
        for i in range(end - 1, start - 1, -1):
            levels[i] = chosen[i - start, state]
            state = int(origin[i - start, state])
        state, sign_before = first_state, first_before
        for i in range(start, end):
            level = int(levels[i])
            learn_level(level, 3 * state + sign_before, SIGN + sign_before, contexts, fast, slow)
            sign_before = 0 if level == 0 else 1 if level < 0 else 2
            state = int(NEXT_STATE[state, level & 1])
        first_state, first_before = last_state, last_before
        start, length = end, min(2 * length, LARGEST_BLOCK)
