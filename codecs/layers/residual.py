"""Residual blocks at one resolution (Tarchouli et al., ICIP 2024), with the normalisations that they may have."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..inr.kernels.instance_norm import instance_norm
from ..inr.kernels.shuffle import gelu_shuffle

Norm = Literal["none", "bn", "in"]


class InstanceNorm(nn.Module):
    """`instance_norm` with a learned scale and shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(x, self.weight[None], self.bias[None], self.training)


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
