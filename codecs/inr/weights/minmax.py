"""NeRV's weight coder (Chen et al., NeurIPS 2021, section 3.3): min-max quantisation, then Huffman codes.

As their code has it, with what their count leaves out: each output channel of a tensor is divided
evenly between its least and its greatest value (by them into 2^8), the least and the division
travel as float32, the table of the codes travels, and a pruned weight is a symbol of its own, so that
its position is in the stream and it stays exactly zero.
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
MOST_DIVISIONS = 2**12
PRUNED = 0
"""The symbol of a weight that is zero; a level's is one more than its number."""


def encode(tensors: Sequence[SentTensor], divisions: int) -> CodedTensors:
    """One table of codes for all tensors; ``scales`` holds it and every channel's range.

    Raises `CodecError` on values that are not finite.
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
        step = (rows.max(1, keepdims=True) - least) / np.float32(divisions)
        levels = np.rint(np.divide(rows - least, step, out=np.zeros_like(rows), where=step > 0))
        symbols[tensor.purpose].append(np.where(rows == 0, PRUNED, levels + 1).astype(np.uint16).ravel())
        ranges.append(np.concatenate([least, step], 1).astype("<f4").tobytes())
    joined = {purpose: np.concatenate(parts) for purpose, parts in symbols.items()}
    every = np.concatenate([np.zeros(0, np.uint16), *joined.values()])
    lengths = huffman.code_lengths(np.bincount(every, minlength=divisions + 2))
    scales = COUNT.pack(len(lengths)) + lengths.tobytes() + b"".join(ranges)
    return CodedTensors(scales, {purpose: huffman.encode(part, lengths) for purpose, part in joined.items()})


class MinMaxDecoder:
    """The way back."""

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
            (least, step), ranges = ranges[: channels(shape)].T[..., None], ranges[channels(shape) :]
            symbols, rest[purpose] = np.split(rest[purpose], [int(np.prod(shape))])
            symbols = symbols.reshape(channels(shape), -1)
            values = np.where(symbols == PRUNED, np.float32(0), least + step * (symbols.astype(np.float32) - 1))
            tensors.append(torch.from_numpy(values.astype(np.float32).reshape(shape)))
        return tensors


def channels(shape: Sequence[int]) -> int:
    """How many ranges a tensor of this shape has: one for each output channel, or one for a vector."""
    return shape[0] if len(shape) > 1 else 1
