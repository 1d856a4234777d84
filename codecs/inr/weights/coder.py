"""What all weight coders share. They turn a network's tensors into bytes, and these bytes alone back into tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import CodecError, StreamError

from ..network.representation import TENSOR_PURPOSES, SentTensor, TensorPlace, TensorPurpose

CoderName = Literal["deepcabac", "dependent", "huffman"]
CODER_NAMES: tuple[CoderName, ...] = get_args(CoderName)
"""The names, in the order of their numbers in a stream."""


@dataclass(frozen=True)
class CodedTensors:
    """A network's tensors as bytes, by purpose. ``scales`` has the step sizes and tables that the others need. A
    purpose that no tensor has is absent."""

    scales: bytes
    tensors: Mapping[TensorPurpose, bytes] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """The bytes of all sections together."""
        return len(self.scales) + sum(map(len, self.tensors.values()))


class WeightDecoder(Protocol):
    """The way from bytes to tensors."""

    def decode(self, coded: CodedTensors, places: Sequence[TensorPlace]) -> list[Tensor]:
        """The float32 tensors for ``places``, in their order and shapes. Raises `StreamError` if ``coded`` does not
        hold them."""


def purposes(places: Sequence[TensorPlace]) -> list[TensorPurpose]:
    """The purposes of these tensors, each once, in the order of their sections in a stream."""
    present = {place.purpose for place in places}
    return [purpose for purpose in TENSOR_PURPOSES if purpose in present]


def check_purposes(coded: CodedTensors, places: Sequence[TensorPlace]) -> None:
    """Raise `StreamError` unless ``coded`` has a section for each purpose of these tensors, and no others."""
    if list(coded.tensors) != purposes(places):
        sections, needed = (", ".join(names) or "nothing" for names in (coded.tensors, purposes(places)))
        raise StreamError(f"The stream is damaged: it holds {sections}; its network needs {needed}.")


def finite_values(tensor: SentTensor) -> NDArray[np.float32]:
    """The values of a tensor, in its shape. Raises `CodecError` if one is not finite."""
    values: NDArray[np.float32] = tensor.values.detach().float().cpu().contiguous().numpy()
    if not np.isfinite(values).all():
        raise CodecError(f"The trained network's {tensor.name} is not finite: training diverged. Lower the rate.")
    return values
