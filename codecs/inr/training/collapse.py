"""Noticing a network that gives nearly the same picture for every frame."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..network.representation import Representation
from ..network.source import SourceFrames

SAMPLES_COMPARED = 5
LEAST_VARIANCE = 0.001
"""A network has collapsed if its variance over the samples is below this share of the source's. Networks of 20,000
weights soon reach a tenth."""


def has_collapsed(network: Representation, source: SourceFrames) -> bool:
    """Whether ``network`` gives nearly the same picture for training samples whose targets differ.

    This happens if the units of a network die early in training: it then gives the mean frame, and stays there.
    """
    count = network.training_samples
    compared = torch.linspace(0, count - 1, min(count, SAMPLES_COMPARED), dtype=torch.int64)
    batches = torch.split(compared.to(source.frames.device), 1)
    training = network.training
    with torch.inference_mode():
        network.eval()
        variance = _variance(network.reconstruct(samples, source) for samples in batches)
        target_variance = _variance(network.targets(samples, source) for samples in batches)
    network.train(training)
    return target_variance > 0 and variance < LEAST_VARIANCE * target_variance


def _variance(pictures: Iterator[Tensor]) -> float:
    """The variance of each value over the pictures, averaged over all values."""
    first = next(pictures)
    count, total, squares = 1, torch.zeros_like(first), torch.zeros_like(first)
    for picture in pictures:
        change = picture - first  # The variance of small numbers does not suffer from cancellation.
        count, total, squares = count + 1, total + change, squares + change.square()
    return float((squares / count - (total / count).square()).mean())
