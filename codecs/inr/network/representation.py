"""What the trainer, the container and the decoder know of an implicit codec's network.

What is trained are its `parameters()`. What is transmitted is `sent()`. What is only in the first, such as an encoder
network, never travels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from torch import Tensor, nn

from bench.errors import StreamError
from bench.video.raw import VideoFormat

from .source import SourceFrames

TensorPurpose = Literal["weights", "biases", "embeddings", "grids"]
TENSOR_PURPOSES: tuple[TensorPurpose, ...] = get_args(TensorPurpose)
"""What a tensor that travels is for. Each purpose is a section of the stream and a line of the ledger."""

AttachmentName = Literal["key_frames"]
ATTACHMENTS: tuple[AttachmentName, ...] = get_args(AttachmentName)
"""What travels beside the tensors as bytes of its own format: key frames that a standard codec coded."""


@dataclass(frozen=True)
class TensorPlace:
    """A place for a tensor in a network, which a decoder knows before it has read any values.

    Along ``step_axis`` quantisation steps differ: each index along it has a step of its own. None stands for one step
    for the whole tensor.
    """

    purpose: TensorPurpose
    shape: tuple[int, ...]
    step_axis: int | None = None

    @property
    def steps(self) -> int:
        """The number of quantisation steps."""
        return 1 if self.step_axis is None else self.shape[self.step_axis]


@dataclass(frozen=True)
class SentTensor:
    """A tensor that travels in the stream. ``name`` is that of the parameter that holds its values."""

    name: str
    purpose: TensorPurpose
    values: Tensor
    step_axis: int | None = None

    @property
    def place(self) -> TensorPlace:
        """Everything about it but its values."""
        return TensorPlace(self.purpose, tuple(self.values.shape), self.step_axis)


@dataclass(frozen=True)
class LossWeights:
    """The loss is ``l1`` * L1 + ``ssim`` * (1 - SSIM)."""

    l1: float
    ssim: float


class Representation(nn.Module, ABC):
    """A network that is the video.

    ``frames`` is the number of frames that it stands for, ``size`` their (rows, columns), ``canvas`` the
    width and height of the picture that it makes, of which the video is the upper left part. How a network
    is built follows from its configuration alone. A subclass says how frame indices become pictures; the other
    methods have defaults that fit a network that is trained on whole frames and sends all its parameters.
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
        """The RGB pictures (B, 3, H, W) in [0, 1] of frame indices, int64 of shape (B,), in any order."""

    # --- Training

    @property
    def training_samples(self) -> int:
        """The number of samples that an epoch visits, each once: the frames, unless a network is trained on patches."""
        return self.frames

    def reconstruct(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """What the network makes of training samples, int64 of shape (B,). A network with an encoder, or one that
        looks at neighbouring frames, finds their pictures in ``source``."""
        pictures: Tensor = self(samples)
        return pictures

    def targets(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """What `reconstruct` should make of these samples, in the same shape, with values in [0, 1]."""
        return source.pictures(samples)

    def loss(self, reconstruction: Tensor, targets: Tensor, weights: LossWeights) -> tuple[Tensor, Tensor]:
        """The loss of a batch, differentiable in ``reconstruction``, and each sample's mean squared error, (B,)."""
        from ..kernels.loss import loss_and_error  # here: a decoder need not wait for what only training uses

        return loss_and_error(reconstruction, targets, weights.l1, weights.ssim)

    # --- Coding

    def finish(self, source: SourceFrames | None) -> None:
        """Turn the trained network, in place, into the one that a decoder builds: fold normalisations, keep the
        embeddings of all frames as a parameter, drop the encoder. Called once, before quantisation. A decoder calls it
        on its untrained network, without a ``source``, to have places for the tensors that it reads."""

    def sent(self) -> Iterator[SentTensor]:
        """The tensors to transmit, in an order that the configuration fixes."""
        for name, values in self.named_parameters():
            yield SentTensor(name, "biases" if values.ndim == 1 else "weights", values.detach())

    def fill(self, values: Iterable[Tensor]) -> None:
        """Give the `sent` tensors these values, in their order."""
        for tensor, value in zip(self.sent(), values, strict=True):
            tensor.values.copy_(value)

    def attachments(self) -> dict[AttachmentName, bytes]:
        """What travels beside the tensors as it is."""
        return {}

    def attach(self, attachments: Mapping[AttachmentName, bytes]) -> None:
        """Take what `attachments` gave the encoder. Called before the network decodes. Raises `StreamError` for what
        the network has no use for or cannot read."""
        if attachments:
            raise StreamError(f"The stream has {', '.join(attachments)}, for which its network has no use.")

    # --- Decoding

    def decode_run(self, index: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """The pictures of a run of frames, int64 indices of shape (B,), and what the next run may need of them.

        A decoder asks for all frames in their order, and hands the state of each run to the next. The pictures are
        those of `forward`; a network that looks at earlier frames need not make these again.
        """
        pictures: Tensor = self(index)
        return pictures, None
