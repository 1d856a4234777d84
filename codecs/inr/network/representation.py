"""What the trainer, the container and the decoder know of an implicit codec's network.

Its `parameters()` are trained, and its `sent()` tensors are transmitted. Parameters that are not sent, such as those of
an encoder network, stay with the encoder.
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
"""What a transmitted tensor is for. Each purpose is a section of the stream and a line of the ledger."""

AttachmentName = Literal["key_frames"]
ATTACHMENTS: tuple[AttachmentName, ...] = get_args(AttachmentName)
"""What is transmitted beside the tensors, as bytes in a format of its own: key frames that a standard codec coded."""


@dataclass(frozen=True)
class TensorPlace:
    """What a decoder knows of a tensor before it has read its values: the purpose, the shape, and where its step sizes
    differ.

    Each index along ``step_axis`` has a step size of its own. None stands for one step size for the whole tensor.
    """

    purpose: TensorPurpose
    shape: tuple[int, ...]
    step_axis: int | None = None

    @property
    def step_size_count(self) -> int:
        """The number of step sizes."""
        return 1 if self.step_axis is None else self.shape[self.step_axis]


@dataclass(frozen=True)
class SentTensor:
    """A tensor that is transmitted in the stream. ``name`` is the name of the parameter that holds its values."""

    name: str
    purpose: TensorPurpose
    values: Tensor
    step_axis: int | None = None

    @property
    def place(self) -> TensorPlace:
        """All that a decoder knows of the tensor before it has its values."""
        return TensorPlace(self.purpose, tuple(self.values.shape), self.step_axis)


@dataclass(frozen=True)
class LossWeights:
    """The weights of the loss ``l1`` * L1 + ``ssim`` * (1 - SSIM)."""

    l1: float
    ssim: float


class Representation(nn.Module, ABC):
    """A network that represents a video.

    ``frames`` is the number of frames, ``size`` their (rows, columns). ``canvas`` is the (width, height) in pixels of
    the picture that the network makes; the video is its upper left part. The configuration alone decides how a network
    is built.

    A subclass says in `forward` how frame indices become pictures. The other methods have defaults that fit a network
    that is trained on whole frames and sends all its parameters.
    """

    def __init__(self, video: VideoFormat, canvas: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.frames = video.frames
        self.size = video.height, video.width
        self.canvas = canvas or (video.width, video.height)

    def cropped(self, picture: Tensor) -> Tensor:
        """The part of pictures (B, 3, H, W) that belongs to the video, if the network makes larger ones."""
        rows, columns = self.size
        return picture[..., :rows, :columns]

    @abstractmethod
    def forward(self, index: Tensor) -> Tensor:
        """The RGB pictures, (B, 3, H, W) with values in [0, 1], of frame indices, int64 (B,) in any order."""

    # --- Training

    @property
    def training_samples(self) -> int:
        """The number of training samples, each of which an epoch visits once. They are the frames by default; a network
        may be trained on patches instead."""
        return self.frames

    def reconstruct(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """The network's reconstruction of training samples, which are indices, int64 (B,). A network with an encoder,
        or one that uses neighbouring frames, takes their pictures from ``source``."""
        pictures: Tensor = self(samples)
        return pictures

    def targets(self, samples: Tensor, source: SourceFrames) -> Tensor:
        """The values in [0, 1] that `reconstruct` should give for these samples, in the same shape."""
        return source.pictures(samples)

    def loss(self, reconstruction: Tensor, targets: Tensor, weights: LossWeights) -> tuple[Tensor, Tensor]:
        """The loss of a batch, differentiable by ``reconstruction``, and each sample's mean squared error, (B,)."""
        # The import is here since it is slow and decoders do not need it.
        from ..kernels.loss import loss_and_error

        return loss_and_error(reconstruction, targets, weights.l1, weights.ssim)

    # --- Coding

    def finish(self, source: SourceFrames | None) -> None:
        """Turn the trained network, in place, into the one that a decoder builds: fold normalisations, keep the
        embeddings of all frames as a parameter, drop the encoder.

        The encoder calls this once, before quantisation. A decoder calls it on its untrained network, without a
        ``source``, so that the network has the tensors that the stream holds.
        """

    def sent(self) -> Iterator[SentTensor]:
        """The tensors to transmit, in an order that the configuration fixes."""
        for name, values in self.named_parameters():
            yield SentTensor(name, "biases" if values.ndim == 1 else "weights", values.detach())

    def fill(self, values: Iterable[Tensor]) -> None:
        """Give the `sent` tensors new values, in the order of `sent`."""
        for tensor, value in zip(self.sent(), values, strict=True):
            tensor.values.copy_(value)

    def attachments(self) -> dict[AttachmentName, bytes]:
        """The bytes that are transmitted beside the tensors, by name."""
        return {}

    def attach(self, attachments: Mapping[AttachmentName, bytes]) -> None:
        """Take the `attachments` of a stream, before the network decodes. Raises `StreamError` for those that the
        network does not use or cannot read."""
        if attachments:
            raise StreamError(f"The stream has {', '.join(attachments)}, for which its network has no use.")

    # --- Decoding

    def decode_run(self, index: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """The pictures of consecutive frames, whose indices are int64 (B,), and a state for the next call.

        A decoder asks for all frames in their order, and passes the state that one call returns to the next call. The
        pictures are those of `forward`. With the state, a network that uses earlier frames need not compute them again.
        """
        pictures: Tensor = self(index)
        return pictures, None
