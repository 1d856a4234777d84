"""Noticing a network that has stopped telling the frames apart."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..network.representation import Representation

FRAMES_LOOKED_AT = 5
LEAST_VARIANCE = 0.001
"""Over time, as a share of the source's. Briefly trained networks of 20,000 weights reach a tenth."""


def has_collapsed(network: Representation, frames: Tensor) -> bool:
    """Whether ``network`` gives nearly one picture for frames, 8-bit (N, H, W, 3), that differ.

    A network whose units died early fits the mean frame and stays there.
    """
    index = torch.linspace(0, len(frames) - 1, min(len(frames), FRAMES_LOOKED_AT), dtype=torch.int64)
    index = index.to(frames.device)
    training = network.training
    with torch.inference_mode():
        pictures = (255 * network.eval()(i) for i in torch.split(index, 1))
        ours = _variance_over_time(pictures)
    network.train(training)
    source = _variance_over_time(frames[i].float() for i in index)
    return source > 0 and ours < LEAST_VARIANCE * source


def _variance_over_time(pictures: Iterator[Tensor]) -> float:
    """Of each sample along the given pictures, averaged over the samples."""
    first = next(pictures)
    count, total, squares = 1, torch.zeros_like(first), torch.zeros_like(first)
    for picture in pictures:
        change = picture - first  # small numbers: no cancellation below
        count, total, squares = count + 1, total + change, squares + change.square()
    return float((squares / count - (total / count).square()).mean())
