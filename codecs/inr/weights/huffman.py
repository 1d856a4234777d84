"""Canonical Huffman codes (Huffman, 1952). Their table is the length of each symbol's code."""

from __future__ import annotations

import heapq
import itertools

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.errors import StreamError

LONGEST = 56
"""The most bits of a code. Only exabytes of symbols could need more."""
Lengths = NDArray[np.uint8]


def code_lengths(counts: NDArray[np.int64]) -> Lengths:
    """The optimal code length in bits of each symbol, by how often it occurs: 0 if it does not occur, and 1 if no other
    symbol does."""
    lengths = np.zeros(len(counts), np.uint8)
    order = itertools.count()  # It decides between equal counts, so that every machine finds the same codes.
    heap = [(int(count), next(order), [symbol]) for symbol, count in enumerate(counts) if count]
    if len(heap) == 1:
        lengths[heap[0][2]] = 1
    heapq.heapify(heap)
    while len(heap) > 1:
        first, _, left = heapq.heappop(heap)
        second, _, right = heapq.heappop(heap)
        lengths[left + right] += 1
        heapq.heappush(heap, (first + second, next(order), left + right))
    return lengths


def encode(symbols: NDArray[np.uint16], lengths: Lengths) -> bytes:
    """The codes of ``symbols``, one after another, filled up with zeros to whole bytes. The first bit of a byte is its
    highest."""
    packed: NDArray[np.uint8] = _pack(symbols, lengths, _codes(lengths), -(-int(lengths[symbols].sum()) // 8))
    return packed.tobytes()


def decode(data: bytes, lengths: Lengths, count: int) -> NDArray[np.uint16]:
    """The ``count`` symbols in ``data``. Raises `StreamError` unless `encode` could have made ``data`` of as many."""
    used = lengths[lengths > 0].astype(np.int64)
    complete = (2.0**-used).sum() == 1 or used.tolist() == [1]
    if count and (not complete or used.max(initial=0) > LONGEST):
        raise StreamError("The stream is damaged: its Huffman table is not one.")
    order = np.lexsort((np.arange(len(lengths)), lengths))[np.count_nonzero(lengths == 0) :].astype(np.uint16)
    counts = np.bincount(used, minlength=LONGEST + 1)[: LONGEST + 1]
    symbols, bits = _unpack(np.frombuffer(data, np.uint8), order, counts, count)
    if bits < 0 or -(-bits // 8) != len(data):
        raise StreamError(f"The stream is damaged: its Huffman codes do not make {count} symbols.")
    return np.asarray(symbols)


def _codes(lengths: Lengths) -> NDArray[np.uint64]:
    """The canonical codes: in the order of their lengths, then of symbols, each is one more than the one before."""
    codes = np.zeros(len(lengths), np.uint64)
    code, previous = 0, 0
    for symbol in np.lexsort((np.arange(len(lengths)), lengths)):
        length = int(lengths[symbol])
        if length:
            code = (code + (previous > 0)) << (length - previous)
            codes[symbol], previous = code, length
    return codes


@njit(cache=True)
def _pack(
    symbols: NDArray[np.uint16], lengths: Lengths, codes: NDArray[np.uint64], size: int
) -> NDArray[np.uint8]:  # pragma: no cover
    out = np.zeros(size, np.uint8)
    position = 0
    for symbol in symbols:
        code = codes[symbol]
        for bit in range(np.int64(lengths[symbol]) - 1, -1, -1):
            if (code >> np.uint64(bit)) & np.uint64(1):
                out[position >> 3] |= np.uint8(0x80 >> (position & 7))
            position += 1
    return out


@njit(cache=True)
def _unpack(
    data: NDArray[np.uint8], order: NDArray[np.uint16], counts: NDArray[np.int64], count: int
) -> tuple[NDArray[np.uint16], int]:  # pragma: no cover
    """The symbols, and the number of bits that they took; -1 if ``data`` ends early or holds a code of no symbol.

    ``order`` has the symbols in the order of their codes, ``counts`` the number of codes of each length. Codes of one
    length are consecutive numbers, so that a code can be read bit by bit.
    """
    out = np.zeros(count, np.uint16)
    position, end = 0, 8 * len(data)
    for i in range(count):
        code, first, index = 0, 0, 0
        is_code = False
        for length in range(1, len(counts)):
            if position >= end:
                return out, -1
            code |= (data[position >> 3] >> (7 - (position & 7))) & 1
            position += 1
            here = counts[length]
            if code - first < here:
                out[i] = order[index + code - first]
                is_code = True
                break
            index += here
            first = (first + here) << 1
            code <<= 1
        if not is_code:
            return out, -1
    return out, position
