"""DeepCABAC's entropy coding of integers (Wiedemann et al. 2020, doi 10.1109/JSTSP.2020.2969554, section III).

The integers are called *levels*. Each becomes a few bins, which are coded with the probabilities that contexts have
learnt:

    sig     is it not zero?               there is a context for each sign (none, -, +) of the level before
    sign    is it negative?               the same
    above   is its magnitude above k?     for k = 1, 2, ... `UNARY`, until the answer is no;
                                          there are two contexts for each k, one for either sign of this level
    prefix  is r = magnitude - UNARY at least 2^(e + 1)?
                                          for e = 0, 1, ... until the answer is no (Exp-Golomb, order 0);
                                          there is a context for each e
    suffix  r - 2^e                       in e bits, without contexts

If quantisation is dependent (`trellis`), sig has three contexts for each of the eight states (Kirchhoffer et al. 2021,
doi 10.1109/TCSVT.2021.3095970). A tensor begins with two bits that say how fast its contexts learn. Contexts start anew
with each tensor; the arithmetic coder does not. This is not the bitstream of ISO/IEC 15938-17, since the estimator and
the arithmetic coder (`arithmetic`) are our own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.errors import StreamError

from .arithmetic import (
    RATES,
    Contexts,
    State,
    Words,
    bin_cost,
    decode_bin,
    decode_bits,
    encode_bin,
    encode_bits,
    finish,
    is_finished,
    learn,
    new_contexts,
    new_decoder,
    new_encoder,
)

Levels = NDArray[np.int32]

UNARY = 14
"""The largest k of the bins *above*."""
STATES = 8
SIGN = 3 * STATES
"""The first context of the bin *sign*. Those of *sig* begin at 0."""
ABOVE = SIGN + 3
"""The first context of the bins *above*."""
PREFIX = ABOVE + 2 * UNARY
"""The first context of the bins *prefix*."""
LONGEST_SUFFIX = 30
"""The most bits of a suffix."""
CONTEXTS = PREFIX + LONGEST_SUFFIX + 1
"""The number of contexts."""
LARGEST = 2**31 - 1
"""The largest magnitude of a level."""
NEXT_STATE = np.array([[0, 2], [7, 5], [1, 3], [6, 4], [2, 0], [5, 7], [3, 1], [4, 6]], np.int64)
"""The next state, by the state and the parity of the level. Without dependent quantisation the state stays 0."""

RATES_BITS = 2
"""The bits at the start of a tensor that say how fast its contexts learn."""
WORDS_A_LEVEL = 32
"""No level takes more words: it has at most 47 bins of at most 8 bits, and a suffix of at most 30 bits."""
MOST_LEVELS_A_BYTE = 1420
"""The most levels that a byte can hold, since a bin costs at least 0.0056 bits (`arithmetic.LEAST`)."""
SAMPLE = 2048
"""The number of levels, from the middle of a tensor, by which its `RATES` are chosen."""


def encode(tensors: Sequence[Levels], dependent: bool) -> bytes:
    """Code the levels of tensors, one after another. If there are no levels, there are no bytes.

    ``dependent`` says that a trellis chose the levels. Raises `OverflowError` for a level of -2^31.
    """
    if not sum(tensor.size for tensor in tensors):
        return b""
    coder, words = new_encoder(), np.zeros(1024, np.uint16)
    for tensor in tensors:
        levels = np.ascontiguousarray(tensor, np.int32).ravel()
        if levels.min(initial=0) < -LARGEST:
            raise OverflowError(f"A level is {levels.min()}; magnitudes go up to {LARGEST}.")
        rates = choose_rates(levels, dependent)
        low, range_, at = coder.tolist()
        if at + WORDS_A_LEVEL > len(words):  # This happens after very many empty tensors.
            words = doubled(words)
        coder[:] = encode_bits(low, range_, at, words, rates, RATES_BITS)
        position, contexts = new_position(), new_contexts(CONTEXTS)
        while not _encode_levels(levels, position, dependent, *RATES[rates], contexts, coder, words):
            words = doubled(words)
    return words[: finish(coder, words)].astype("<u2").tobytes()


def decode(data: bytes, sizes: Sequence[int], dependent: bool) -> list[Levels]:
    """The levels of tensors, each of which has as many as ``sizes`` says.

    Raises `StreamError` unless ``data`` is, to its last byte, what `encode` makes of such tensors. No more memory is
    allocated than levels from so many bytes can take.
    """
    count = sum(sizes)
    if len(data) % 2 or (count == 0) != (not data) or count > MOST_LEVELS_A_BYTE * len(data):
        raise StreamError(f"The stream is damaged: {len(data):,} bytes cannot hold {count:,} weights.")
    if not count:
        return [np.zeros(0, np.int32) for _ in sizes]
    words = np.frombuffer(data, "<u2").astype(np.uint16)
    coder = new_decoder(words)
    tensors = []
    for size in sizes:
        offset, range_, at = coder.tolist()
        *coder[:], rates = decode_bits(offset, range_, at, words, RATES_BITS)
        levels, contexts = np.empty(size, np.int32), new_contexts(CONTEXTS)
        if not _decode_levels(levels, dependent, *RATES[rates], contexts, coder, words):
            raise StreamError("The stream is damaged: its weights end early or are out of range.")
        tensors.append(levels)
    if not is_finished(coder, words):
        raise StreamError(f"The stream is damaged: its {len(data):,} bytes are not {count:,} weights.")
    return tensors


def choose_rates(levels: Levels, dependent: bool) -> int:
    """The index of the `RATES` that code ``levels`` in the fewest bits, judged by `SAMPLE` of them."""
    middle = max(0, (len(levels) - SAMPLE) // 2)
    sample = levels[middle : middle + SAMPLE]
    return int(np.argmin([code_length(sample, dependent, rates) for rates in range(len(RATES))]))


def code_length(levels: Levels, dependent: bool, rates: int) -> float:
    """The bits that `encode` would spend on ``levels`` with `RATES` number ``rates``, by its own probabilities."""
    bits: float = _code_length(levels, dependent, *RATES[rates], new_contexts(CONTEXTS))
    return bits


def doubled(words: Words) -> Words:
    """``words`` in an array of twice the length."""
    return np.concatenate([words, np.zeros_like(words)])


def new_position() -> State:
    """A position at the start of a tensor. It holds the index of the next level, its state, and the sign of the level
    before it: 0 for none, 1 for -, 2 for +."""
    return np.zeros(3, np.int64)


@njit(cache=True)
def _encode_levels(
    levels: Levels,
    position: State,
    dependent: bool,
    fast: int,
    slow: int,
    contexts: Contexts,
    coder: State,
    words: Words,
) -> bool:  # pragma: no cover
    """Code the levels from ``position`` on. Returns whether all are coded; if not, ``words`` must grow first, and
    ``position`` is where to go on."""
    low, range_, at = coder
    state, before = int(position[1]), int(position[2])
    for i in range(position[0], len(levels)):
        if at + WORDS_A_LEVEL > len(words):
            position[:] = i, state, before
            coder[:] = low, range_, at
            return False
        level = int(levels[i])
        magnitude = abs(level)
        if magnitude == 0:
            low, range_, at = encode_bin(low, range_, at, words, contexts, 3 * state + before, 0, fast, slow)
            before = 0
        else:
            low, range_, at = encode_bin(low, range_, at, words, contexts, 3 * state + before, 1, fast, slow)
            low, range_, at = encode_bin(low, range_, at, words, contexts, SIGN + before, level < 0, fast, slow)
            before = 1 if level < 0 else 2
            context = ABOVE + before - 1
            for _ in range(min(magnitude - 1, UNARY)):
                low, range_, at = encode_bin(low, range_, at, words, contexts, context, 1, fast, slow)
                context += 2
            if magnitude <= UNARY:
                low, range_, at = encode_bin(low, range_, at, words, contexts, context, 0, fast, slow)
            else:
                rest, e = magnitude - UNARY, 0
                while rest >> (e + 1):
                    low, range_, at = encode_bin(low, range_, at, words, contexts, PREFIX + e, 1, fast, slow)
                    e += 1
                low, range_, at = encode_bin(low, range_, at, words, contexts, PREFIX + e, 0, fast, slow)
                for shift in range(0, e, 16):
                    count = min(16, e - shift)
                    bits = rest >> shift & (1 << count) - 1
                    low, range_, at = encode_bits(low, range_, at, words, bits, count)
        if dependent:
            state = int(NEXT_STATE[state, level & 1])
    coder[:] = low, range_, at
    return True


@njit(cache=True)
def _decode_levels(
    levels: Levels, dependent: bool, fast: int, slow: int, contexts: Contexts, coder: State, words: Words
) -> bool:  # pragma: no cover
    """Fill ``levels``. Returns False if ``words`` ends early or a level is out of range."""
    offset, range_, at = coder
    state = before = 0
    for i in range(len(levels)):
        if at > len(words) + 2:
            return False
        offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, 3 * state + before, fast, slow)
        if not bit:
            levels[i] = before = 0
        else:
            offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, SIGN + before, fast, slow)
            before = 1 if bit else 2
            context, magnitude = ABOVE + before - 1, 1
            offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, context, fast, slow)
            while bit and magnitude < UNARY:
                context, magnitude = context + 2, magnitude + 1
                offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, context, fast, slow)
            if bit:
                e = 0
                offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, PREFIX, fast, slow)
                while bit:
                    e += 1
                    if e > LONGEST_SUFFIX:
                        return False
                    offset, range_, at, bit = decode_bin(offset, range_, at, words, contexts, PREFIX + e, fast, slow)
                magnitude = UNARY + (1 << e)
                for shift in range(0, e, 16):
                    offset, range_, at, bits = decode_bits(offset, range_, at, words, min(16, e - shift))
                    magnitude += bits << shift
                if magnitude > LARGEST:
                    return False
            levels[i] = -magnitude if before == 1 else magnitude
        if dependent:
            state = int(NEXT_STATE[state, levels[i] & 1])
    coder[:] = offset, range_, at
    return True


@njit(cache=True)
def _code_length(
    levels: Levels, dependent: bool, fast: int, slow: int, contexts: Contexts
) -> float:  # pragma: no cover
    bits = 0.0
    state = before = 0
    for i in range(len(levels)):
        level = int(levels[i])
        bits += level_cost(level, 3 * state + before, SIGN + before, contexts)
        learn_level(level, 3 * state + before, SIGN + before, contexts, fast, slow)
        before = 0 if level == 0 else 1 if level < 0 else 2
        if dependent:
            state = int(NEXT_STATE[state, level & 1])
    return bits


@njit(cache=True)
def level_cost(level: int, sig: int, sign: int, contexts: Contexts) -> float:  # pragma: no cover
    """The bits that coding ``level`` would take, if ``sig`` and ``sign`` are the contexts of its first two bins."""
    magnitude = abs(level)
    if magnitude == 0:
        return bin_cost(contexts, sig, 0)
    bits = bin_cost(contexts, sig, 1) + bin_cost(contexts, sign, level < 0)
    context = ABOVE + (level > 0)
    for _ in range(min(magnitude - 1, UNARY)):
        bits += bin_cost(contexts, context, 1)
        context += 2
    if magnitude <= UNARY:
        return bits + bin_cost(contexts, context, 0)
    rest, e = magnitude - UNARY, 0
    while rest >> (e + 1):
        bits += bin_cost(contexts, PREFIX + e, 1)
        e += 1
    return bits + bin_cost(contexts, PREFIX + e, 0) + e


@njit(cache=True)
def learn_level(level: int, sig: int, sign: int, contexts: Contexts, fast: int, slow: int) -> None:  # pragma: no cover
    """Let the contexts learn what coding ``level`` teaches them. ``sig`` and ``sign`` are as in `level_cost`."""
    magnitude = abs(level)
    learn(contexts, sig, magnitude > 0, fast, slow)
    if magnitude == 0:
        return
    learn(contexts, sign, level < 0, fast, slow)
    context = ABOVE + (level > 0)
    for _ in range(min(magnitude - 1, UNARY)):
        learn(contexts, context, 1, fast, slow)
        context += 2
    if magnitude <= UNARY:
        learn(contexts, context, 0, fast, slow)
        return
    rest, e = magnitude - UNARY, 0
    while rest >> (e + 1):
        learn(contexts, PREFIX + e, 1, fast, slow)
        e += 1
    learn(contexts, PREFIX + e, 0, fast, slow)
