"""DeepCABAC's entropy coding of integers (Wiedemann et al. 2020, doi 10.1109/JSTSP.2020.2969554, section III).

An integer, a *level*, becomes a few bins, each coded with the probability that its context has learnt:

    sig     is it not zero?               a context for each sign (none, -, +) of the level before
    sign    is it negative?               the same
    above   is its magnitude above k?     for k = 1, 2, ... `UNARY`, as long as it is;
                                          for each k, a context for either sign of this level
    prefix  is r = magnitude - UNARY at least 2^(e + 1)?
                                          for e = 0, 1, ... as long as it is (Exp-Golomb, order 0);
                                          a context for each e
    suffix  r - 2^e                       in e bits, as they are

Where quantisation is dependent (`trellis`), sig has its three contexts once for each of the eight
states (Kirchhoffer et al. 2021, doi 10.1109/TCSVT.2021.3095970). A tensor begins with two bits that say
how fast its contexts learn, which start anew; the arithmetic coder runs on through all tensors. This is
not the bitstream of ISO/IEC 15938-17: estimator and arithmetic coder (`arithmetic`) are our own.
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
STATES = 8
SIGN = 3 * STATES
ABOVE = SIGN + 3
PREFIX = ABOVE + 2 * UNARY
LONGEST_SUFFIX = 30
CONTEXTS = PREFIX + LONGEST_SUFFIX + 1
LARGEST = 2**31 - 1
"""Of a level's magnitude."""
NEXT_STATE = np.array([[0, 2], [7, 5], [1, 3], [6, 4], [2, 0], [5, 7], [3, 1], [4, 6]], np.int64)
"""By state and parity of the level. Without dependent quantisation the state stays 0."""

RATES_BITS = 2
WORDS_A_LEVEL = 32
"""At least what any level takes: 47 bins of at most 8 bits, and a suffix."""
MOST_LEVELS_A_BYTE = 1420
"""A bin costs at least 0.0056 bits (`arithmetic.LEAST`)."""
SAMPLE = 2048
"""Levels from the middle of a tensor by which its rates are chosen."""


def encode(tensors: Sequence[Levels], dependent: bool) -> bytes:
    """Code the levels of tensors, one after another; nothing becomes no bytes.

    ``dependent`` says that a trellis chose them. Raises `OverflowError` on -2^31.
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
        if at + WORDS_A_LEVEL > len(words):  # as after very many empty tensors
            words = with_room(words)
        coder[:] = encode_bits(low, range_, at, words, rates, RATES_BITS)
        place, contexts = new_place(), new_contexts(CONTEXTS)
        while not _encode_levels(levels, place, dependent, *RATES[rates], contexts, coder, words):
            words = with_room(words)
    return words[: finish(coder, words)].astype("<u2").tobytes()


def decode(data: bytes, sizes: Sequence[int], dependent: bool) -> list[Levels]:
    """The levels of tensors of these sizes.

    Raises `StreamError` unless ``data`` is, to its last byte, what `encode` makes of some. Nothing is
    allocated that so few bytes cannot fill.
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
    """Which of `RATES` codes ``levels`` best, judged by some of them."""
    middle = max(0, (len(levels) - SAMPLE) // 2)
    sample = levels[middle : middle + SAMPLE]
    return int(np.argmin([code_length(sample, dependent, rates) for rates in range(len(RATES))]))


def code_length(levels: Levels, dependent: bool, rates: int) -> float:
    """The bits that `encode` spends on ``levels``, by its own probabilities, with these `RATES`."""
    bits: float = _code_length(levels, dependent, *RATES[rates], new_contexts(CONTEXTS))
    return bits


def with_room(words: Words) -> Words:
    """Twice as long."""
    return np.concatenate([words, np.zeros_like(words)])


def new_place() -> State:
    """Where coding a tensor stands: the next level's index, its state, the sign of the level before."""
    return np.zeros(3, np.int64)


@njit(cache=True)
def _encode_levels(
    levels: Levels, place: State, dependent: bool, fast: int, slow: int, contexts: Contexts, coder: State, words: Words
) -> bool:  # pragma: no cover
    """Go on from ``place``. False if ``words`` must grow first."""
    low, range_, at = coder
    state, before = int(place[1]), int(place[2])
    for i in range(place[0], len(levels)):
        if at + WORDS_A_LEVEL > len(words):
            place[:] = i, state, before
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
    """Fill ``levels``. False if ``words`` ends early or a suffix is too long."""
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
    """Bits of ``level``, whose first two bins have these contexts."""
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
    """What coding ``level`` teaches the contexts."""
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
