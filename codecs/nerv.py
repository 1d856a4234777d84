"""NeRV: neural representations for videos (Chen et al., NeurIPS 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from bench.video.raw import VideoFormat

from .inr.codec import ImplicitCodec
from .inr.network.representation import Representation
from .layers.encoding import PositionalEncoding
from .layers.mlp import mlp
from .layers.pyramid import canvas, coarsest_map, upsampling_strides
from .layers.upsampling import UpsamplingBlock, block_widths


class NeRVNetwork(Representation):
    """Frame index -> positional encoding -> two linear layers (the stem) -> upsampling blocks -> 1x1 head.

    ``trunk`` has the modules between the stem and the head. A subclass such as Res-NeRV changes only these.
    """

    def __init__(self, config: NeRV, video: VideoFormat) -> None:
        super().__init__(video, canvas(video))
        rows, columns = self.coarsest = coarsest_map(video)
        strides = upsampling_strides(video)
        self.encoding = PositionalEncoding(config.levels)
        self.stem = mlp(2 * config.levels, config.stem_dim, rows * columns * config.fc_dim)
        widths = block_widths(config.fc_dim, config.expansion, 2, config.lower_width, strides)
        self.trunk = nn.Sequential(*self.blocks(config, widths, strides))
        self.head = nn.Conv2d(widths[-1], 3, 1)

    @staticmethod
    def blocks(config: NeRV, widths: list[int], strides: tuple[int, ...]) -> list[nn.Module]:
        """The modules of the trunk. ``widths`` has the channels after each upsampling block."""
        shapes = zip([config.fc_dim, *widths], widths, strides, strict=False)
        return [UpsamplingBlock(a, b, stride) for a, b, stride in shapes]

    def forward(self, index: Tensor) -> Tensor:
        embedded = self.stem(self.encoding(index.double() / self.frames))
        x = self.trunk(embedded.unflatten(1, (-1, *self.coarsest)))
        picture: Tensor = (self.head(x).float().tanh() + 1) / 2
        return self.cropped(picture)


@dataclass(frozen=True)
class NeRV(ImplicitCodec):
    """The sizes have the names that they have in NeRV's code. ``fc_dim`` is the number of channels after the stem. The
    first block multiplies it by ``expansion``; each later block halves it, but not below ``lower_width``. The stem has
    a hidden layer of ``stem_dim`` channels, and ``levels`` is the number of frequencies of the positional encoding.
    """

    name: ClassVar[str] = "nerv"
    version: ClassVar[int] = 4
    network_version: ClassVar[int] = 1

    fc_dim: int = 26
    expansion: float = 1.0
    lower_width: int = 96
    stem_dim: int = 512
    levels: int = 40

    def network(self, video: VideoFormat) -> Representation:
        return NeRVNetwork(self, video)
