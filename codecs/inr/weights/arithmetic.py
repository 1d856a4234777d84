"""Adaptive binary arithmetic coding: a probability estimator for each context, and a range coder.

The estimator keeps two exponential averages of the bins that a context has seen, one fast and one
slow; their mean is the probability (as in Kirchhoffer et al. 2021, doi 10.1109/TCSVT.2021.3095970,
section IV, with plain shifts instead of a table). Each begins as the plain average of what it has seen,
so that the contexts of a small tensor learn quickly too. The coder is a range coder (Martin, 1979)
with a range of 48 bits, which sends 16 bits at a time.

All numbers are int64: numba makes a float of a signed and an unsigned integer.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Contexts = NDArray[np.int32]
"""(contexts, 3): of each, the probability of a 1 by the fast and by the slow average, in units of
2^-25, and how many bins it has seen, up to `MATURE`."""
Words = NDArray[np.uint16]
State = NDArray[np.int64]
"""Of an encoder: low, range and words written. Of a decoder: offset, range and words read."""

RATES: tuple[tuple[int, int], ...] = ((4, 7), (5, 8), (6, 9), (7, 10))
"""The shifts of the fast and the slow average: windows of 16 to 128 and of 128 to 1024 bins."""
HALF = 1 << 24
LEAST = 1 << 17
"""Of a probability, 2^-8: a bin costs between 0.0056 and 8 bits."""
MATURE = (1 << RATES[-1][1]) - 1
WARM_UP = np.array([(seen + 1).bit_length() for seen in range(MATURE)], np.int64)
"""The shift after so many bins, until it reaches its context's own."""
COST_BITS = 12
COST = -np.log2((np.arange(1 << COST_BITS) + 0.5) / (1 << COST_BITS))
"""What a bin costs, in bits, by the upper bits of its probability."""

FULL = 1 << 48
RENORMALISE = 1 << 32
"""The range does not stay below this: one step of 16 bits always restores it."""


def new_contexts(count: int) -> Contexts:
    """Contexts that have seen nothing."""
    return np.tile(np.array([HALF, HALF, 0], np.int32), (count, 1))


@njit(cache=True)
def probability(contexts: Contexts, context: int) -> int:  # pragma: no cover
    """That the next bin of ``context`` is a 1, in units of 2^-16."""
    return (int(contexts[context, 0]) + int(contexts[context, 1])) >> 10


@njit(cache=True)
def bin_cost(contexts: Contexts, context: int, bit: int) -> float:  # pragma: no cover
    """The bits that coding ``bit`` would take."""
    p = probability(contexts, context)
    return COST[(p if bit else 65535 - p) >> (16 - COST_BITS)]  # type: ignore[no-any-return]


@njit(cache=True)
def learn(contexts: Contexts, context: int, bit: int, fast: int, slow: int) -> None:  # pragma: no cover
    """Move both averages of ``context`` towards ``bit``."""
    seen = contexts[context, 2]
    if seen < MATURE:
        fast, slow = min(fast, WARM_UP[seen]), min(slow, WARM_UP[seen])
        contexts[context, 2] = seen + 1
    target = 2 * HALF - LEAST if bit else LEAST
    contexts[context, 0] += (target - contexts[context, 0]) >> fast
    contexts[context, 1] += (target - contexts[context, 1]) >> slow


def new_encoder() -> State:
    return np.array([0, FULL, 0], np.int64)


@njit(cache=True)
def encode_bin(
    low: int, range_: int, at: int, words: Words, contexts: Contexts, context: int, bit: int, fast: int, slow: int
) -> tuple[int, int, int]:  # pragma: no cover
    """Narrow the interval to ``bit``, and learn it. Returns the new state."""
    bound = (range_ >> 16) * probability(contexts, context)
    learn(contexts, context, bit, fast, slow)
    if bit:
        range_ = bound
    else:
        low += bound
        range_ -= bound
    if range_ < RENORMALISE:
        return put_word(low, at, words), range_ << 16, at + 1
    return low, range_, at


@njit(cache=True)
def encode_bits(
    low: int, range_: int, at: int, words: Words, value: int, count: int
) -> tuple[int, int, int]:  # pragma: no cover
    """``value`` in ``count`` bits, at most 16, all as likely as not. Returns the new state."""
    range_ >>= count
    low += value * range_
    if range_ < RENORMALISE:
        return put_word(low, at, words), range_ << 16, at + 1
    return low, range_, at


@njit(cache=True)
def put_word(low: int, at: int, words: Words) -> int:  # pragma: no cover
    """Write the highest word of ``low``, its carry going to those before. Returns the rest, moved up."""
    word = low >> 32
    if word > 0xFFFF:
        before = at - 1
        while words[before] == 0xFFFF:
            words[before] = 0
            before -= 1
        words[before] += 1
    words[at] = word & 0xFFFF
    return (low & 0xFFFFFFFF) << 16


def finish(coder: State, words: Words) -> int:
    """Write the last word: in the interval lies a number with only zeros after that, which are left
    out. Returns the number of words."""
    low, _, at = coder.tolist()
    put_word(low + RENORMALISE - 1, at, words)
    return int(at) + 1


def new_decoder(words: Words) -> State:
    """Has read three words; zeros follow the last."""
    first = [*words[:3].tolist(), 0, 0, 0]
    return np.array([first[0] << 32 | first[1] << 16 | first[2], FULL, 3], np.int64)


@njit(cache=True)
def decode_bin(
    offset: int, range_: int, at: int, words: Words, contexts: Contexts, context: int, fast: int, slow: int
) -> tuple[int, int, int, bool]:  # pragma: no cover
    """The new state, and the bin that `encode_bin` coded."""
    bound = (range_ >> 16) * probability(contexts, context)
    bit = offset < bound
    learn(contexts, context, bit, fast, slow)
    if bit:
        range_ = bound
    else:
        offset -= bound
        range_ -= bound
    if range_ < RENORMALISE:
        return take_word(offset, at, words), range_ << 16, at + 1, bit
    return offset, range_, at, bit


@njit(cache=True)
def decode_bits(
    offset: int, range_: int, at: int, words: Words, count: int
) -> tuple[int, int, int, int]:  # pragma: no cover
    """The new state, and the value that `encode_bits` coded."""
    range_ >>= count
    value = min(offset // range_, (1 << count) - 1)
    offset -= value * range_
    if range_ < RENORMALISE:
        return take_word(offset, at, words), range_ << 16, at + 1, value
    return offset, range_, at, value


@njit(cache=True)
def take_word(offset: int, at: int, words: Words) -> int:  # pragma: no cover
    """``offset`` moved up, with the next word below."""
    return offset << 16 | (int(words[at]) if at < len(words) else 0)


def is_finished(coder: State, words: Words) -> bool:
    """Whether a decoder stands where `finish` was called, every word having been read."""
    offset, _, at = coder.tolist()
    return bool(at == len(words) + 2 and offset < RENORMALISE)
