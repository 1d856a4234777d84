"""The positional encoding of coordinates, by which they enter a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    """The sines and cosines of a coordinate at growing frequencies (NeRV, eq. 2).

    Coordinates of any shape (...) become float32 of shape (..., 2 * levels): sin(base^i pi x) and cos(base^i pi x) in
    turn, for i from 0 to levels - 1.
    """

    frequencies: Tensor

    def __init__(self, levels: int, base: float = 1.25) -> None:
        super().__init__()
        # In float32, the product with the highest frequency, 1.25^79 pi, would have no digits left for the coordinate.
        frequencies = torch.pi * base ** torch.arange(levels, dtype=torch.float64)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angles = x.double().unsqueeze(-1) * self.frequencies
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).float()
