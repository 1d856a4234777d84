"""Networks by DeepCABAC: a step for each tensor, levels, and their arithmetic code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..network.representation import NamedTensor, TensorKind
from . import deepcabac, trellis
from .coder import CodedTensors, Expected, finite_values
from .deepcabac import Levels
from .quantise import Values, nearest, rate_distortion
from .step_sizes import StepSizes, unpack

Quantiser = Literal["nearest", "rdoq", "trellis"]
KINDS: tuple[TensorKind, ...] = ("weight", "bias")


@dataclass(frozen=True)
class Quantisation:
    """How values become levels: `quantise` has the meaning of ``slope`` and of ``importance``,
    one array for each tensor."""

    steps: StepSizes
    quantiser: Quantiser
    slope: float = 0.0
    importance: Sequence[Values] | None = None


def encode(tensors: Sequence[NamedTensor], how: Quantisation) -> CodedTensors:
    """Raises `CodecError` on values that are not finite."""
    levels: dict[TensorKind, list[Levels]] = {"weight": [], "bias": []}
    importance = how.importance or [np.ones(1, np.float32)] * len(tensors)
    for tensor, step, weights in zip(tensors, how.steps.values(), importance, strict=True):
        values = finite_values(tensor) / step
        if how.quantiser == "nearest":
            levels[tensor.kind].append(nearest(values))
        else:
            choose = rate_distortion if how.quantiser == "rdoq" else trellis.dependent
            levels[tensor.kind].append(choose(values, weights, how.slope))
    coded = (deepcabac.encode(levels[kind], how.quantiser == "trellis") for kind in KINDS)
    return CodedTensors(how.steps.pack(), *coded)


@dataclass(frozen=True)
class CabacDecoder:
    """``dependent`` says that a trellis chose the levels."""

    dependent: bool

    def decode(self, coded: CodedTensors, expected: Sequence[Expected]) -> list[Tensor]:
        steps = unpack(coded.scales, len(expected)).values()
        levels = {
            kind: iter(
                deepcabac.decode(data, [int(np.prod(shape)) for k, shape in expected if k == kind], self.dependent)
            )
            for kind, data in zip(KINDS, (coded.weights, coded.biases), strict=True)
        }
        tensors = []
        for (kind, shape), step in zip(expected, steps, strict=True):
            found = next(levels[kind])
            multiples = trellis.reconstruct(found) if self.dependent else found
            values = multiples.astype(np.float64) * step
            tensors.append(torch.from_numpy(values.astype(np.float32).reshape(shape)))
        return tensors
