"""The blocks that enlarge a feature map by convolution and pixel shuffle, and how wide each of them is.

Sources: NeRV (Chen et al., NeurIPS 2021, section 3.1), E-NeRV (Li et al., ECCV 2022, section 3).
"""

from __future__ import annotations

from torch import Tensor, nn

from ..inr.kernels.shuffle import gelu_shuffle, shuffle


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


class FactorisedUpsamplingBlock(nn.Module):
    """E-NeRV's first block: the convolution to ``stride``^2 channels passes through a quarter of
    the narrower width, which is where E-NeRV saves its parameters."""

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
    """The channels after each block (NeRV's rule): ``fc_dim * expansion`` first, then divided by
    ``reduction`` at each upsampling block, never below ``lower_width``."""
    widths = [int(fc_dim * expansion)]
    for stride in strides[1:]:
        widths.append(max(widths[-1] // (1 if stride == 1 else reduction), lower_width))
    return widths
