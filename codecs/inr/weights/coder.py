"""What a weight coder is: from a network's tensors to bytes, and from nothing but those bytes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import CodecError

from ..network.representation import NamedTensor, TensorKind

Expected = tuple[TensorKind, tuple[int, ...]]
"""Kind and shape of a tensor that a decoder's network has a place for."""
CoderName = Literal["deepcabac", "dependent", "huffman"]
CODER_NAMES: tuple[CoderName, ...] = get_args(CoderName)
"""In the order of their numbers in a stream."""


@dataclass(frozen=True)
class CodedTensors:
    """A network's tensors as bytes. ``scales`` is all that is needed to understand the others."""

    scales: bytes
    weights: bytes
    biases: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.scales) + len(self.weights) + len(self.biases)


class WeightDecoder(Protocol):
    """From bytes to tensors."""

    def decode(self, coded: CodedTensors, expected: Sequence[Expected]) -> list[Tensor]:
        """The float32 tensors of these kinds and shapes. Raises `StreamError` if there are no such."""


def finite_values(tensor: NamedTensor) -> NDArray[np.float32]:
    """The values of a tensor. Raises `CodecError` if one is not finite."""
    values: NDArray[np.float32] = tensor.values.detach().float().cpu().contiguous().numpy()
    if not np.isfinite(values).all():
        raise CodecError(f"The trained network's {tensor.name} is not finite: training diverged. Lower the rate.")
    return values
