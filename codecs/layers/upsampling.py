"""The blocks that enlarge a feature map by convolution and pixel shuffle, and the number of channels of each.

Sources: NeRV (Chen et al., NeurIPS 2021, section 3.1), E-NeRV (Li et al., ECCV 2022, section 3).
"""

from __future__ import annotations

from torch import Tensor, nn

from ..inr.kernels.shuffle import gelu_shuffle, shuffle


class UpsamplingBlock(nn.Module):
    """The NeRV block: a 3x3 convolution to ``out_channels`` * ``stride``^2 channels, pixel shuffle and GELU.

    (B, in_channels, H, W) becomes (B, out_channels, stride * H, stride * W).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(in_channels, out_channels * stride**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return gelu_shuffle(self.conv(x), self.stride)


class FactorisedUpsamplingBlock(nn.Module):
    """E-NeRV's first block: two smaller convolutions take the place of NeRV's one, which saves most of its parameters.
    If the block widens, a quarter of ``in_channels`` stands between them. The shapes are as in `UpsamplingBlock`."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.widens = in_channels <= out_channels
        if self.widens:
            middle = in_channels // 4
            self.conv1 = nn.Conv2d(in_channels, middle * stride**2, 3, padding=1)
            self.conv2 = nn.Conv2d(middle, out_channels, 3, padding=1)
        else:
            self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
            self.conv2 = nn.Conv2d(out_channels, out_channels * stride**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.widens:
            return gelu_shuffle(self.conv2(shuffle(self.conv1(x), self.stride)), 1)
        return gelu_shuffle(self.conv2(self.conv1(x)), self.stride)


def block_widths(
    fc_dim: int, expansion: float, reduction: int, lower_width: int, strides: tuple[int, ...]
) -> list[int]:
    """The number of channels after each block, by NeRV's rule: ``fc_dim * expansion`` after the first. Each later
    block that upsamples divides it by ``reduction``, but not below ``lower_width``."""
    widths = [int(fc_dim * expansion)]
    for stride in strides[1:]:
        widths.append(max(widths[-1] // (1 if stride == 1 else reduction), lower_width))
    return widths
