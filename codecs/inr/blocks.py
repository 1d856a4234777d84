"""The layers that the NeRV family shares.

Sources: NeRV (Chen et al., NeurIPS 2021, section 3.1), E-NeRV (Li et al., ECCV 2022, section 3),
Res-NeRV (Tarchouli et al., ICIP 2024).
"""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from .instance_norm import instance_norm
from .shuffle import gelu_shuffle

Norm = Literal["none", "bn", "in"]


class InstanceNorm(nn.Module):
    """`instance_norm` with a learned scale and shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(x, self.weight[None], self.bias[None], self.training)


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


class UpsamplingBlock(nn.Module):
    """The NeRV block: 3x3 convolution to ``stride``^2 as many channels, pixel shuffle, activation.

    (B, in_channels, H, W) becomes (B, out_channels, stride * H, stride * W).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(in_channels, out_channels * stride**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return gelu_shuffle(self.conv(x), self.stride)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions of equal width around an identity skip, at one resolution.

    conv - norm - activation - conv, added to the input. With ``norm="bn"`` (one affine batch
    normalisation) five of these on NeRV give the parameters and GMACs that Table 2 of Res-NeRV
    prints; the paper's text fixes neither the place of the normalisation nor the activation.

    ``norm="in"`` is ours. Trained on one frame at a time, batch normalisation works with that
    frame's statistics, and at inference with an average that fits no frame; instance normalisation
    works with the frame's own in both, for as many parameters.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        norms = {"none": nn.Identity, "bn": nn.BatchNorm2d, "in": InstanceNorm}
        self.norm: nn.Module = norms[norm](channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        normalised = self.norm(self.conv1(x)).to(x.dtype)
        residual: Tensor = self.conv2(gelu_shuffle(normalised, 1))
        return x + residual

    @torch.no_grad()
    def fold_norm(self) -> None:
        """Merge the batch normalisation into ``conv1``: the same function at inference, and no
        running statistics to transmit."""
        if not isinstance(self.norm, nn.BatchNorm2d):
            return
        fused = nn.utils.fusion.fuse_conv_bn_eval(self.conv1.eval(), self.norm.eval())
        self.conv1, self.norm = fused, nn.Identity()


def fold_norms(network: nn.Module) -> None:
    """`ResidualBlock.fold_norm` for every residual block of ``network``."""
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            module.fold_norm()


def block_widths(
    fc_dim: int, expansion: float, reduction: int, lower_width: int, strides: tuple[int, ...]
) -> list[int]:
    """The channels after each block (NeRV's rule): ``fc_dim * expansion`` first, then divided by
    ``reduction`` at each upsampling block, never below ``lower_width``."""
    widths = [int(fc_dim * expansion)]
    for stride in strides[1:]:
        widths.append(max(widths[-1] // (1 if stride == 1 else reduction), lower_width))
    return widths


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths, each followed by GELU (the last one too, as in NeRV)."""
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*layers)
