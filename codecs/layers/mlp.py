"""Linear layers with GELU after each."""

from __future__ import annotations

import itertools

from torch import nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths, each followed by GELU (the last one too, as in NeRV)."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*layers)
