"""Coding a network's tensors by DeepCABAC: step sizes, levels, and their arithmetic code."""

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
    """How values become levels. `quantise` explains ``slope`` and ``importance``, which has an array for each tensor;
    None stands for equal importance."""

    step_sizes: StepSizes
    quantiser: Quantiser
    slope: float = 0.0
    importance: Sequence[Values] | None = None


def encode(tensors: Sequence[SentTensor], how: Quantisation) -> CodedTensors:
    """Quantise and code tensors. Those of one purpose are one run of the arithmetic coder.

    Raises `CodecError` for values that are not finite.
    """
    places = [tensor.place for tensor in tensors]
    levels: dict[TensorPurpose, list[Levels]] = {purpose: [] for purpose in purposes(places)}
    importance = how.importance or [np.ones(1, np.float32)] * len(tensors)
    for tensor, step_size, weights in zip(tensors, how.step_sizes.of(places), importance, strict=True):
        values = finite_values(tensor) / step_size
        if how.quantiser == "nearest":
            levels[tensor.purpose].append(nearest(values))
        else:
            choose = rate_distortion if how.quantiser == "rdoq" else trellis.dependent
            levels[tensor.purpose].append(choose(values, weights, how.slope))
    dependent = how.quantiser == "trellis"
    return CodedTensors(how.step_sizes.pack(), {key: deepcabac.encode(each, dependent) for key, each in levels.items()})


@dataclass(frozen=True)
class CabacDecoder:
    """The decoder of what `encode` makes. ``dependent`` says that a trellis chose the levels."""

    dependent: bool

    def decode(self, coded: CodedTensors, places: Sequence[TensorPlace]) -> list[Tensor]:
        """See `WeightDecoder.decode`."""
        step_sizes = unpack(coded.scales, sum(place.step_size_count for place in places))
        check_purposes(coded, places)
        levels: dict[TensorPurpose, Iterator[Levels]] = {}
        for purpose, data in coded.tensors.items():
            sizes = [int(np.prod(place.shape)) for place in places if place.purpose == purpose]
            levels[purpose] = iter(deepcabac.decode(data, sizes, self.dependent))
        tensors = []
        for place, step_size in zip(places, step_sizes.of(places), strict=True):
            tensor_levels = next(levels[place.purpose])
            multiples = trellis.reconstruct(tensor_levels) if self.dependent else tensor_levels
            values = multiples.astype(np.float64).reshape(place.shape) * step_size
            tensors.append(torch.from_numpy(values.astype(np.float32)))
        return tensors
