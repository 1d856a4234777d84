"""Adaptive binary arithmetic coding: a probability estimator for each context, and a range coder.

The estimator keeps two exponential averages of the bins that a context has seen, a fast one and a slow one. Their mean
is the probability (Kirchhoffer et al. 2021, doi 10.1109/TCSVT.2021.3095970, section IV; here by shifts instead of a
table). Each average begins as the plain mean of the bins seen so far, so that the contexts of a small tensor learn
quickly too. The coder is a range coder (Martin, 1979) with a range of 48 bits. It writes words of 16 bits.

All numbers are int64, since numba makes a float of the sum of a signed and an unsigned integer.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Contexts = NDArray[np.int32]
"""An array of shape (contexts, 3). It holds, for each context, the fast and the slow average of its bins, which are
probabilities of a 1 in units of 2^-25, and the number of bins that it has seen, up to `MATURE`."""
Words = NDArray[np.uint16]
"""The 16-bit words of a stream."""
State = NDArray[np.int64]
"""The state of an encoder is its low, its range, and the number of words written. That of a decoder is its offset, its
range, and the number of words read."""

RATES: tuple[tuple[int, int], ...] = ((4, 7), (5, 8), (6, 9), (7, 10))
"""The pairs of shifts of the fast and the slow average. The fast ones average over 16 to 128 bins, the slow ones over
128 to 1024."""
HALF = 1 << 24
"""A probability of one half, in units of 2^-25."""
LEAST = 1 << 17
"""The least probability, 2^-8, in units of 2^-25. A bin therefore costs between 0.0056 and 8 bits."""
MATURE = (1 << RATES[-1][1]) - 1
"""The number of bins after which every context uses its own shifts."""
WARM_UP = np.array([(seen + 1).bit_length() for seen in range(MATURE)], np.int64)
"""The largest shift of a context that has seen so many bins."""
COST_BITS = 12
COST = -np.log2((np.arange(1 << COST_BITS) + 0.5) / (1 << COST_BITS))
"""The bits that a bin costs, by the upper `COST_BITS` bits of its probability."""

FULL = 1 << 48
"""The range at the start."""
RENORMALISE = 1 << 32
"""When the range falls below this, a word is written and the range is multiplied by 2^16. Once is always enough."""


def new_contexts(count: int) -> Contexts:
    """Contexts that have seen no bins."""
    return np.tile(np.array([HALF, HALF, 0], np.int32), (count, 1))


@njit(cache=True)
def probability(contexts: Contexts, context: int) -> int:  # pragma: no cover
    """The probability that the next bin of ``context`` is a 1, in units of 2^-16."""
    return (int(contexts[context, 0]) + int(contexts[context, 1])) >> 10


@njit(cache=True)
def bin_cost(contexts: Contexts, context: int, bit: int) -> float:  # pragma: no cover
    """The bits that coding ``bit`` in ``context`` would take."""
    p = probability(contexts, context)
    return COST[(p if bit else 65535 - p) >> (16 - COST_BITS)]  # type: ignore[no-any-return]


@njit(cache=True)
def learn(contexts: Contexts, context: int, bit: int, fast: int, slow: int) -> None:  # pragma: no cover
    """Move both averages of ``context`` towards ``bit``, by the shifts ``fast`` and ``slow``."""
    seen = contexts[context, 2]
    if seen < MATURE:
        fast, slow = min(fast, WARM_UP[seen]), min(slow, WARM_UP[seen])
        contexts[context, 2] = seen + 1
    target = 2 * HALF - LEAST if bit else LEAST
    contexts[context, 0] += (target - contexts[context, 0]) >> fast
    contexts[context, 1] += (target - contexts[context, 1]) >> slow


def new_encoder() -> State:
    """The state of an encoder that has coded nothing."""
    return np.array([0, FULL, 0], np.int64)


@njit(cache=True)
def encode_bin(
    low: int, range_: int, at: int, words: Words, contexts: Contexts, context: int, bit: int, fast: int, slow: int
) -> tuple[int, int, int]:  # pragma: no cover
    """Code ``bit`` in ``context``: narrow the interval, and let the context learn. Returns the new state."""
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
    """Code ``value`` in ``count`` bits, at most 16, without contexts. Returns the new state."""
    range_ >>= count
    low += value * range_
    if range_ < RENORMALISE:
        return put_word(low, at, words), range_ << 16, at + 1
    return low, range_, at


@njit(cache=True)
def put_word(low: int, at: int, words: Words) -> int:  # pragma: no cover
    """Write the highest word of ``low`` and carry into the words before it. Returns the rest, moved up by a word."""
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
    """Write the last word. Returns the number of words.

    The last word is chosen so that only zeros would follow it. They are left out, and the decoder adds them.
    """
    low, _, at = coder.tolist()
    put_word(low + RENORMALISE - 1, at, words)
    return int(at) + 1


def new_decoder(words: Words) -> State:
    """The state of a decoder that has read the first three words. Zeros stand for missing ones."""
    padded = [*words[:3].tolist(), 0, 0, 0]
    return np.array([padded[0] << 32 | padded[1] << 16 | padded[2], FULL, 3], np.int64)


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
    """``offset`` moved up by a word, with the next word below; zeros follow the last word."""
    return offset << 16 | (int(words[at]) if at < len(words) else 0)


def is_finished(coder: State, words: Words) -> bool:
    """Whether a decoder has read every word, and is where the encoder was when `finish` was called."""
    offset, _, at = coder.tolist()
    return bool(at == len(words) + 2 and offset < RENORMALISE)
