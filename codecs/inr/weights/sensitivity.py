"""The sensitivity of weights: how much the pictures change when a weight does. It is the diagonal of J'J, which is also
the Fisher information.

For a network y(w) with Jacobian J, a small error e of the weights adds e' J'J e to the squared error of the pictures.
With random signs v, the expectation of the squared gradient of v'y is the diagonal of J'J (Hutchinson, 1990). So a few
backward passes are enough to estimate its mean over each tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.device import has_fast_bfloat16
from ..network.representation import Representation

PROBES = 64
"""The number of backward passes, each with one frame."""


def sensitivities(network: Representation, frames: int, seed: int) -> list[Tensor]:
    """The sensitivity of each value of the network's `sent` tensors, in the shapes of these.

    It is the mean of the diagonal of J'J over `PROBES` evenly spaced frames; the network has ``frames`` frames. Its
    unit is that of a picture's squared error, summed over its samples. ``seed`` decides the random signs.
    """
    tensors = list(network.sent())
    parameters = dict(network.named_parameters())
    device = next(network.parameters()).device
    sums = [torch.zeros_like(tensor.values) for tensor in tensors]
    signs = torch.Generator(device).manual_seed(seed)
    # Only in training mode are all gradients right (`instance_norm`). Batch normalisation has been folded already.
    network.train()
    for index in torch.split(torch.arange(PROBES, device=device) * frames // PROBES, 1):
        with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bfloat16(device)):
            picture = network(index)
        probe = torch.empty_like(picture).bernoulli_(generator=signs).mul_(2).sub_(1)
        network.zero_grad()
        (picture * probe).sum().backward()
        for total, tensor in zip(sums, tensors, strict=True):
            gradient = parameters[tensor.name].grad
            if gradient is not None:
                total += gradient.square()
    network.zero_grad()
    return [total / PROBES for total in sums]
