"""How much the pictures change when a weight does: the diagonal of J'J, which is also Fisher's information.

For a network y(w) with Jacobian J, a small error e of the weights adds e' J'J e to the squared error of
the pictures. With random signs v, the square of a gradient of v'y has the diagonal of J'J as its
expectation (Hutchinson, 1990), so that a few backward passes are enough to know it tensor by tensor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..network.device import has_fast_bfloat16
from ..network.representation import Representation

PROBES = 64


def sensitivities(network: Representation, frames: int, seed: int) -> list[Tensor]:
    """For each of the network's tensors, the mean over frames of the diagonal of J'J, in its shape.

    Of `PROBES` frames, evenly spaced; in units of a picture's squared error, summed over its samples.
    """
    tensors = list(network.sent())
    parameters = dict(network.named_parameters())
    device = next(network.parameters()).device
    sums = [torch.zeros_like(tensor.values) for tensor in tensors]
    signs = torch.Generator(device).manual_seed(seed)
    network.train()  # in which all gradients are right; batch normalisation has been folded
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
