"""Res-NeRV: NeRV with residual blocks (Tarchouli et al., ICIP 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from bench.video.raw import VideoFormat

from .inr.network.representation import Representation
from .inr.network.source import SourceFrames
from .layers.residual import Norm, ResidualBlock, fold_norms
from .nerv import NeRV, NeRVNetwork


class ResNeRVNetwork(NeRVNetwork):
    """NeRV with a residual block after each upsampling block, at that block's output resolution."""

    @staticmethod
    def blocks(config: NeRV, widths: list[int], strides: tuple[int, ...]) -> list[nn.Module]:
        assert isinstance(config, ResNeRV)
        upsampling = NeRVNetwork.blocks(config, widths, strides)
        residual = [ResidualBlock(width, config.norm) for width in widths]
        return [block for pair in zip(upsampling, residual, strict=True) for block in pair]

    def finish(self, source: SourceFrames | None) -> None:
        fold_norms(self)


@dataclass(frozen=True)
class ResNeRV(NeRV):
    """With ``norm="bn"`` the numbers of parameters and GMACs are those of the paper. Compared with NeRV at equal size,
    the residual blocks gain quality with ``norm="in"``, and none without normalisation (`results/equal_size`)."""

    name: ClassVar[str] = "res-nerv"
    version: ClassVar[int] = 4
    network_version: ClassVar[int] = 1

    fc_dim: int = 16
    norm: Norm = "none"

    def network(self, video: VideoFormat) -> Representation:
        return ResNeRVNetwork(self, video)
