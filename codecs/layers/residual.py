"""The residual blocks of Res-NeRV (Tarchouli et al., ICIP 2024), with the normalisations that they may have."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..inr.kernels.instance_norm import instance_norm
from ..inr.kernels.shuffle import gelu_shuffle

Norm = Literal["none", "bn", "in"]


class InstanceNorm(nn.Module):
    """`instance_norm` of (B, channels, H, W), with a trained scale and shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return instance_norm(x, self.weight[None], self.bias[None], self.training)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions of equal width, whose output is added to the input: conv - norm - GELU - conv. The shape
    (B, channels, H, W) stays the same.

    The text of the paper states neither the place of the normalisation nor the activation. With ``norm="bn"``, one
    affine batch normalisation, five of these blocks in NeRV give the parameters and GMACs in Table 2 of Res-NeRV.

    ``norm="in"``, instance normalisation, is ours. In training on one frame at a time, batch normalisation uses the
    statistics of that frame, but at inference it uses an average that fits no frame. Instance normalisation uses the
    frame's own statistics in both, and has as many parameters.
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
        """Merge the batch normalisation into ``conv1``. The function at inference stays the same, and no running
        statistics have to be transmitted."""
        if not isinstance(self.norm, nn.BatchNorm2d):
            return
        fused = nn.utils.fusion.fuse_conv_bn_eval(self.conv1.eval(), self.norm.eval())
        self.conv1, self.norm = fused, nn.Identity()


def fold_norms(network: nn.Module) -> None:
    """Call `ResidualBlock.fold_norm` of every residual block in ``network``."""
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            module.fold_norm()
