"""How a coordinate enters a network: sines and cosines of growing frequency."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    """Maps a coordinate to sines and cosines of growing frequency (NeRV, eq. 2).

    ``x`` of shape (...,) becomes (..., 2 * levels): sin(base^i pi x), cos(base^i pi x), interleaved.
    """

    frequencies: Tensor

    def __init__(self, levels: int, base: float = 1.25) -> None:
        super().__init__()
        # In float32 the highest frequency, 1.25^79 pi, would lose the coordinate.
        frequencies = torch.pi * base ** torch.arange(levels, dtype=torch.float64)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angles = x.double().unsqueeze(-1) * self.frequencies
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2).float()
