"""Res-E-NeRV: residual blocks in E-NeRV, which the Res-NeRV paper proposes as future work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from bench.video.raw import VideoFormat

from .e_nerv import ENeRV, ENeRVNetwork
from .inr.network.representation import Representation
from .inr.network.source import SourceFrames
from .layers.residual import Norm, ResidualBlock, fold_norms


class ResENeRVNetwork(ENeRVNetwork):
    """E-NeRV with a residual block after each upsampling block, where Res-NeRV has them."""

    @staticmethod
    def trunk(config: ENeRV, widths: list[int], strides: tuple[int, ...]) -> list[nn.Module]:
        assert isinstance(config, ResENeRV)
        upsampling = ENeRVNetwork.trunk(config, widths, strides)
        residual = [ResidualBlock(width, config.norm) for width in widths[1:]]
        return [nn.Sequential(*pair) for pair in zip(upsampling, residual, strict=True)]

    def finish(self, source: SourceFrames | None) -> None:
        fold_norms(self)


@dataclass(frozen=True)
class ResENeRV(ENeRV):
    """This configuration is ours, since none is published. ``norm`` has the same meaning as in Res-NeRV."""

    name: ClassVar[str] = "res-e-nerv"
    version: ClassVar[int] = 4
    network_version: ClassVar[int] = 1

    norm: Norm = "none"

    def network(self, video: VideoFormat) -> Representation:
        return ResENeRVNetwork(self, video)
