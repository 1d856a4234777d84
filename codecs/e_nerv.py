"""E-NeRV: NeRV with separate branches for space and time (Li et al., ECCV 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from bench.video.raw import VideoFormat

from .inr.codec import ImplicitCodec
from .inr.kernels.instance_norm import instance_norm
from .inr.network.representation import Representation
from .layers.attention import Transformer
from .layers.encoding import PositionalEncoding
from .layers.mlp import mlp
from .layers.pyramid import canvas, coarsest_map, upsampling_strides
from .layers.upsampling import FactorisedUpsamplingBlock, UpsamplingBlock, block_widths


class ENeRVNetwork(Representation):
    """A transformer over the fixed positions of the coarsest feature map is multiplied by an embedding of time. Then
    come upsampling blocks, whose inputs a second temporal branch scales and shifts, as AdaIN does."""

    coordinates: Tensor

    def __init__(self, config: ENeRV, video: VideoFormat) -> None:
        super().__init__(video, canvas(video))
        rows, columns = self.coarsest = coarsest_map(video)
        block_dim = config.block_dim
        positions = torch.meshgrid(torch.arange(rows) / rows, torch.arange(columns) / columns, indexing="ij")
        self.register_buffer("coordinates", torch.stack(positions, -1).flatten(0, 1), persistent=False)
        self.encoding = PositionalEncoding(config.levels)

        self.time_stem = mlp(2 * config.levels, config.stem_dim, block_dim)
        self.space_stem = mlp(4 * config.levels, block_dim)
        self.space = Transformer(block_dim, 1, config.head_dim, config.mlp_dim)
        self.fusion = Transformer(block_dim, 8, config.head_dim, config.mlp_dim)
        self.to_blocks = mlp(block_dim, config.fc_dim) if config.fc_dim != block_dim else nn.Identity()

        strides = upsampling_strides(video)
        widths = [config.fc_dim, *block_widths(config.fc_dim, config.expansion, 2, config.lower_width, strides)]
        self.time_modulation = mlp(2 * config.levels, config.mlp_dim, config.mlp_dim)
        self.modulations = nn.ModuleList([mlp(config.mlp_dim, 2 * width) for width in widths[:-1]])
        self.blocks = nn.ModuleList(self.trunk(config, widths, strides))
        self.head = nn.Conv2d(widths[-1], 3, 1)

    @staticmethod
    def trunk(config: ENeRV, widths: list[int], strides: tuple[int, ...]) -> list[nn.Module]:
        """The upsampling modules, one for each stride. ``widths`` has the channels before, between and after them.

        Subclasses that add something to each module read ``config``.
        """
        (first, *rest) = zip(widths, widths[1:], strides, strict=False)
        return [FactorisedUpsamplingBlock(*first), *(UpsamplingBlock(*shape) for shape in rest)]

    def forward(self, index: Tensor) -> Tensor:
        time = self.encoding(index.double() / max(self.frames - 1, 1))
        space = self.space(self.space_stem(self.encoding(self.coordinates).flatten(-2).unsqueeze(0)))
        tokens = self.to_blocks(self.fusion(space * self.time_stem(time).unsqueeze(1)))
        x = tokens.transpose(1, 2).unflatten(2, self.coarsest)
        time = self.time_modulation(time)
        for block, modulation in zip(self.blocks, self.modulations, strict=True):
            scale, shift = modulation(time).chunk(2, dim=1)
            x = block(instance_norm(x, scale, shift, self.training))
        picture: Tensor = self.head(x).float().sigmoid()
        return self.cropped(picture)


@dataclass(frozen=True)
class ENeRV(ImplicitCodec):
    """The defaults are the authors' configuration for Bunny. At 1280x720 it has 12,490,602 parameters by the authors'
    count, which includes the 288 coordinates of fixed positions; these need no transmission."""

    name: ClassVar[str] = "e-nerv"
    version: ClassVar[int] = 4
    network_version: ClassVar[int] = 1

    fc_dim: int = 196
    expansion: float = 3.0
    lower_width: int = 96
    block_dim: int = 256
    mlp_dim: int = 128
    stem_dim: int = 512
    head_dim: int = 64
    levels: int = 80

    def network(self, video: VideoFormat) -> Representation:
        return ENeRVNetwork(self, video)
