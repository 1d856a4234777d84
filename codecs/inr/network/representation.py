"""What the trainer, the container and the decoder know of an implicit codec's network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from bench.video.raw import VideoFormat

TensorKind = Literal["weight", "bias"]


@dataclass(frozen=True)
class NamedTensor:
    """A tensor that travels in the stream. ``kind`` decides how it is quantised and where its
    bytes stand in the ledger."""

    name: str
    kind: TensorKind
    values: Tensor


class Representation(nn.Module, ABC):
    """A network that is the video.

    ``frames`` is the number of frames that it stands for, ``size`` their (rows, columns), ``canvas`` the
    width and height of the picture that it makes, of which the video is the upper left part. A subclass
    says how frame indices become pictures; how it is built follows from its configuration alone.
    """

    def __init__(self, video: VideoFormat, canvas: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.frames = video.frames
        self.size = video.height, video.width
        self.canvas = canvas or (video.width, video.height)

    def cropped(self, picture: Tensor) -> Tensor:
        """The part of a picture (B, 3, H, W) that is the video's, where a network makes a larger one."""
        rows, columns = self.size
        return picture[..., :rows, :columns]

    @abstractmethod
    def forward(self, index: Tensor) -> Tensor:
        """Frame indices, int64 of shape (B,), become RGB pictures (B, 3, H, W) in [0, 1]."""

    def fold(self) -> None:
        """Remove, in place, what only training needs. Called once, before quantisation."""

    def tensors(self) -> Iterator[NamedTensor]:
        """The tensors to transmit, in an order that the configuration fixes."""
        for name, values in self.named_parameters():
            kind: TensorKind = "bias" if values.ndim == 1 else "weight"
            yield NamedTensor(name, kind, values.detach())

    def fill(self, values: Iterable[Tensor]) -> None:
        """Give `tensors` these values, in their order."""
        for tensor, value in zip(self.tensors(), values, strict=True):
            tensor.values.copy_(value)
