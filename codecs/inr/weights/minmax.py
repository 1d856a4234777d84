"""NeRV's weight coder (Chen et al., NeurIPS 2021, section 3.3): min-max quantisation, then Huffman codes.

As in their code, the range of each output channel, between its least and its greatest value, is divided evenly; they
divide it into 2^8 parts. Their count of bits leaves out some things that a decoder needs, which are in the stream here:
the least value and the step size of each channel, as float32, and the table of the codes. A pruned weight has a symbol
of its own, so that its position is in the stream and it stays exactly zero.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import StreamError

from ..network.representation import SentTensor, TensorPlace, TensorPurpose
from . import huffman
from .coder import CodedTensors, check_purposes, finite_values, purposes

COUNT = struct.Struct("<H")
"""The form of the number of symbols, with which the scales begin."""
MOST_DIVISIONS = 2**12
PRUNED = 0
"""The symbol of a weight that is zero. The symbol of a level is the level + 1."""


def encode(tensors: Sequence[SentTensor], divisions: int) -> CodedTensors:
    """Code tensors, with each channel's range divided into ``divisions`` parts, but at most `MOST_DIVISIONS`.

    All tensors share one table of codes. It is in the scales, with the range of every channel. Raises `CodecError` for
    values that are not finite.
    """
    divisions = min(max(divisions, 1), MOST_DIVISIONS)
    symbols: dict[TensorPurpose, list[NDArray[np.uint16]]] = {
        purpose: [] for purpose in purposes([tensor.place for tensor in tensors])
    }
    ranges = []
    for tensor in tensors:
        values = finite_values(tensor)
        rows = values.reshape(channels(values.shape), -1)
        least = rows.min(1, keepdims=True)
        step_size = (rows.max(1, keepdims=True) - least) / np.float32(divisions)
        levels = np.rint(np.divide(rows - least, step_size, out=np.zeros_like(rows), where=step_size > 0))
        symbols[tensor.purpose].append(np.where(rows == 0, PRUNED, levels + 1).astype(np.uint16).ravel())
        ranges.append(np.concatenate([least, step_size], 1).astype("<f4").tobytes())
    joined = {purpose: np.concatenate(parts) for purpose, parts in symbols.items()}
    every = np.concatenate([np.zeros(0, np.uint16), *joined.values()])
    lengths = huffman.code_lengths(np.bincount(every, minlength=divisions + 2))
    scales = COUNT.pack(len(lengths)) + lengths.tobytes() + b"".join(ranges)
    return CodedTensors(scales, {purpose: huffman.encode(part, lengths) for purpose, part in joined.items()})


class MinMaxDecoder:
    """The decoder of what `encode` makes."""

    def decode(self, coded: CodedTensors, places: Sequence[TensorPlace]) -> list[Tensor]:
        """See `WeightDecoder.decode`."""
        count = COUNT.unpack_from(coded.scales)[0] if len(coded.scales) >= COUNT.size else 0
        start = COUNT.size + count
        rows = sum(channels(place.shape) for place in places)
        if len(coded.scales) != start + 8 * rows:
            raise StreamError(
                f"The stream is damaged: {len(coded.scales)} bytes are not the scales of {rows} channels."
            )
        lengths = np.frombuffer(coded.scales, np.uint8, count, COUNT.size)
        ranges = np.frombuffer(coded.scales, "<f4", offset=start).reshape(rows, 2)
        if not np.isfinite(ranges).all():
            raise StreamError("The stream is damaged: a scale is not finite.")
        check_purposes(coded, places)
        rest: dict[TensorPurpose, NDArray[np.uint16]] = {}
        for purpose, data in coded.tensors.items():
            size = sum(int(np.prod(place.shape)) for place in places if place.purpose == purpose)
            rest[purpose] = huffman.decode(data, lengths, size)
        tensors = []
        for place in places:
            shape, purpose = place.shape, place.purpose
            (least, step_size), ranges = ranges[: channels(shape)].T[..., None], ranges[channels(shape) :]
            symbols, rest[purpose] = np.split(rest[purpose], [int(np.prod(shape))])
            symbols = symbols.reshape(channels(shape), -1)
            values = np.where(symbols == PRUNED, np.float32(0), least + step_size * (symbols.astype(np.float32) - 1))
            tensors.append(torch.from_numpy(values.astype(np.float32).reshape(shape)))
        return tensors


def channels(shape: Sequence[int]) -> int:
    """The number of channels, and so of ranges, of a tensor of this shape. A vector is one channel."""
    return shape[0] if len(shape) > 1 else 1
