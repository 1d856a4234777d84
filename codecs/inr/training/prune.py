"""Pruning (NeRV, section 3.3): the smallest weights become zero, and fine-tuning adapts the others."""

from __future__ import annotations

import torch

from ..network.representation import Representation, SentTensor


@torch.no_grad()
def prune(network: Representation, share: float) -> None:
    """Set the share ``share``, from 0 to 1, of the weights to zero: those of the least magnitude in the whole network.

    Biases, normalisations and the head are left alone. The head has few weights, and every pixel depends on them.
    """
    weights = [tensor.values for tensor in network.sent() if is_prunable(tensor)]
    magnitudes = torch.cat([weight.abs().flatten() for weight in weights])
    threshold = magnitudes.kthvalue(max(1, round(share * len(magnitudes)))).values
    for weight in weights:
        weight[weight.abs() <= threshold] = 0


def is_prunable(tensor: SentTensor) -> bool:
    """Whether pruning may set values of this tensor to zero."""
    return tensor.purpose == "weights" and not tensor.name.startswith("head.")
