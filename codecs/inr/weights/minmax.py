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

from ..network.representation import NamedTensor, TensorKind
from . import huffman
from .coder import CodedTensors, Expected, finite_values

COUNT = struct.Struct("<H")
MOST_DIVISIONS = 2**12
PRUNED = 0
"""The symbol of a weight that is zero; a level's is one more than its number."""


def encode(tensors: Sequence[NamedTensor], divisions: int) -> CodedTensors:
    """One table of codes for all weights and biases; ``scales`` holds it and every channel's range.

    Raises `CodecError` on values that are not finite.
    """
    divisions = min(max(divisions, 1), MOST_DIVISIONS)
    symbols: dict[TensorKind, list[NDArray[np.uint16]]] = {"weight": [], "bias": []}
    ranges = []
    for tensor in tensors:
        values = finite_values(tensor)
        rows = values.reshape(channels(values.shape), -1)
        least = rows.min(1, keepdims=True)
        step = (rows.max(1, keepdims=True) - least) / np.float32(divisions)
        levels = np.rint(np.divide(rows - least, step, out=np.zeros_like(rows), where=step > 0))
        symbols[tensor.kind].append(np.where(rows == 0, PRUNED, levels + 1).astype(np.uint16).ravel())
        ranges.append(np.concatenate([least, step], 1).astype("<f4").tobytes())
    empty = np.zeros(0, np.uint16)
    weights, biases = (np.concatenate([empty, *symbols[kind]]) for kind in ("weight", "bias"))
    lengths = huffman.code_lengths(np.bincount(np.concatenate([weights, biases]), minlength=divisions + 2))
    scales = COUNT.pack(len(lengths)) + lengths.tobytes() + b"".join(ranges)
    return CodedTensors(scales, huffman.encode(weights, lengths), huffman.encode(biases, lengths))


class MinMaxDecoder:
    """The way back."""

    def decode(self, coded: CodedTensors, expected: Sequence[Expected]) -> list[Tensor]:
        count = COUNT.unpack_from(coded.scales)[0] if len(coded.scales) >= COUNT.size else 0
        start = COUNT.size + count
        rows = sum(channels(shape) for _, shape in expected)
        if len(coded.scales) != start + 8 * rows:
            raise StreamError(
                f"The stream is damaged: {len(coded.scales)} bytes are not the scales of {rows} channels."
            )
        lengths = np.frombuffer(coded.scales, np.uint8, count, COUNT.size)
        ranges = np.frombuffer(coded.scales, "<f4", offset=start).reshape(rows, 2)
        if not np.isfinite(ranges).all():
            raise StreamError("The stream is damaged: a scale is not finite.")
        sizes = {kind: sum(int(np.prod(shape)) for k, shape in expected if k == kind) for kind in ("weight", "bias")}
        rest = {
            "weight": huffman.decode(coded.weights, lengths, sizes["weight"]),
            "bias": huffman.decode(coded.biases, lengths, sizes["bias"]),
        }
        tensors = []
        for kind, shape in expected:
            (least, step), ranges = ranges[: channels(shape)].T[..., None], ranges[channels(shape) :]
            symbols, rest[kind] = np.split(rest[kind], [int(np.prod(shape))])
            symbols = symbols.reshape(channels(shape), -1)
            values = np.where(symbols == PRUNED, np.float32(0), least + step * (symbols.astype(np.float32) - 1))
            tensors.append(torch.from_numpy(values.astype(np.float32).reshape(shape)))
        return tensors


def channels(shape: Sequence[int]) -> int:
    """How many ranges a tensor of this shape has: one for each output channel, or one for a vector."""
    return shape[0] if len(shape) > 1 else 1
