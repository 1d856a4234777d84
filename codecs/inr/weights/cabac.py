"""Networks by DeepCABAC: quantisation steps, levels, and their arithmetic code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..network.representation import SentTensor, TensorPlace, TensorPurpose
from . import deepcabac, trellis
from .coder import CodedTensors, check_purposes, finite_values, purposes
from .deepcabac import Levels
from .quantise import Values, nearest, rate_distortion
from .step_sizes import StepSizes, unpack

Quantiser = Literal["nearest", "rdoq", "trellis"]


@dataclass(frozen=True)
class Quantisation:
    """How values become levels: `quantise` has the meaning of ``slope`` and of ``importance``,
    one array for each tensor."""

    steps: StepSizes
    quantiser: Quantiser
    slope: float = 0.0
    importance: Sequence[Values] | None = None


def encode(tensors: Sequence[SentTensor], how: Quantisation) -> CodedTensors:
    """The tensors of each purpose are one run of the arithmetic coder. Raises `CodecError` on values that are not
    finite."""
    places = [tensor.place for tensor in tensors]
    levels: dict[TensorPurpose, list[Levels]] = {purpose: [] for purpose in purposes(places)}
    importance = how.importance or [np.ones(1, np.float32)] * len(tensors)
    for tensor, step, weights in zip(tensors, how.steps.of(places), importance, strict=True):
        values = finite_values(tensor) / step
        if how.quantiser == "nearest":
            levels[tensor.purpose].append(nearest(values))
        else:
            choose = rate_distortion if how.quantiser == "rdoq" else trellis.dependent
            levels[tensor.purpose].append(choose(values, weights, how.slope))
    dependent = how.quantiser == "trellis"
    return CodedTensors(how.steps.pack(), {key: deepcabac.encode(each, dependent) for key, each in levels.items()})


@dataclass(frozen=True)
class CabacDecoder:
    """``dependent`` says that a trellis chose the levels."""

    dependent: bool

    def decode(self, coded: CodedTensors, places: Sequence[TensorPlace]) -> list[Tensor]:
        """See `WeightDecoder.decode`."""
        steps = unpack(coded.scales, sum(place.steps for place in places))
        check_purposes(coded, places)
        levels: dict[TensorPurpose, Iterator[Levels]] = {}
        for purpose, data in coded.tensors.items():
            sizes = [int(np.prod(place.shape)) for place in places if place.purpose == purpose]
            levels[purpose] = iter(deepcabac.decode(data, sizes, self.dependent))
        tensors = []
        for place, step in zip(places, steps.of(places), strict=True):
            found = next(levels[place.purpose])
            multiples = trellis.reconstruct(found) if self.dependent else found
            values = multiples.astype(np.float64).reshape(place.shape) * step
            tensors.append(torch.from_numpy(values.astype(np.float32)))
        return tensors
