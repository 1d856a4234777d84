"""Noticing a network that has stopped telling the frames apart."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..network.representation import Representation
from ..network.source import SourceFrames

SAMPLES_LOOKED_AT = 5
LEAST_VARIANCE = 0.001
"""The least variance over the samples, as a share of the source's. Networks of 20,000 weights soon reach a tenth."""


def has_collapsed(network: Representation, source: SourceFrames) -> bool:
    """Whether ``network`` gives nearly one picture for training samples that differ.

    A network whose units died early fits the mean frame and stays there.
    """
    count = network.training_samples
    looked_at = torch.linspace(0, count - 1, min(count, SAMPLES_LOOKED_AT), dtype=torch.int64)
    batches = torch.split(looked_at.to(source.frames.device), 1)
    training = network.training
    with torch.inference_mode():
        network.eval()
        ours = _variance(network.reconstruct(samples, source) for samples in batches)
        theirs = _variance(network.targets(samples, source) for samples in batches)
    network.train(training)
    return theirs > 0 and ours < LEAST_VARIANCE * theirs


def _variance(pictures: Iterator[Tensor]) -> float:
    """The variance of each value along the given pictures, averaged over all values."""
    first = next(pictures)
    count, total, squares = 1, torch.zeros_like(first), torch.zeros_like(first)
    for picture in pictures:
        change = picture - first  # small numbers: no cancellation below
        count, total, squares = count + 1, total + change, squares + change.square()
    return float((squares / count - (total / count).square()).mean())
