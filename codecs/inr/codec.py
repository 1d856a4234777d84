"""The codec that every implicit one is: train a network, quantise it, code it, and the way back."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import torch

from bench.codec import Codec, Complexity, Family, Job, Stopwatch
from bench.dataset import Clip
from bench.errors import StreamError, UsageError
from bench.measure.macs import count_complexity
from bench.registry import codecs
from bench.video.raw import VideoFormat

from .device import best_device, has_fast_bfloat16
from .grid import LARGEST_GRID, coarsest_grid
from .quantise import QuantisedTensor, dequantise, quantise
from .recipe import RECIPES, RecipeName
from .render import Precision, choose_precision, render
from .representation import Representation
from .stream import Header, read_header, read_stream, split_bytes, write_stream


@dataclass(frozen=True)
class ImplicitCodec(Codec):
    """A subclass adds the sizes of its network as fields, and `network`.

    ``bits`` is the width of a quantised weight, ``epochs`` the passes of training over all frames.
    """

    family: ClassVar[Family] = "implicit"
    suffix: ClassVar[str] = ".inr"

    bits: int = 8
    epochs: int = 300
    recipe: RecipeName = "nerv"

    @abstractmethod
    def network(self, video: VideoFormat) -> Representation:
        """The untrained network for a video of this size and length."""

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise UsageError(f"{self.name}: bits must be from 2 to 8, not {self.bits}.")
        if self.epochs < 1:
            raise UsageError(f"{self.name}: epochs must be at least 1, not {self.epochs}.")
        if self.recipe not in RECIPES:
            raise UsageError(f"{self.name}: there is no recipe {self.recipe!r}. Known: {', '.join(RECIPES)}.")

    @classmethod
    def network_fields(cls) -> list[str]:
        """The parameters that a decoder needs: those that a subclass adds to this class's own."""
        shared = {field.name for field in dataclasses.fields(ImplicitCodec)}
        return [field.name for field in dataclasses.fields(cls) if field.name not in shared]

    def tools(self) -> dict[str, str]:
        return {"torch": str(torch.__version__)}

    def skip(self, clip: Clip) -> str | None:
        rows, columns = coarsest_grid(clip.yuv.format)
        if rows * columns <= LARGEST_GRID:
            return None
        form = clip.yuv.format
        return (
            f"upsampling by whole factors reaches {form.width}x{form.height} only from a grid of "
            f"{columns}x{rows}, more than {LARGEST_GRID} positions"
        )

    def complexity(self, video: VideoFormat) -> Complexity:
        return count_complexity(self.network(video), torch.zeros(1, dtype=torch.int64))

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        from .train import load_frames, train  # here: a decoder need not wait for what only training uses

        video = clip.rgb.format

        def fresh_network() -> Representation:
            torch.manual_seed(job.seed)
            return self.network(video).to(best_device())

        network = train(fresh_network, clip.rgb, RECIPES[self.recipe], self.epochs, job)
        with job.watch.part("quantisation"):
            tensors = self.quantised(network)
            load_tensors(network, tensors)
        with job.watch.part("precision_choice"):
            precision = choose_precision(network, load_frames(clip.rgb, best_device()))
        with job.watch.part("entropy_coding"):
            write_stream(stream, self.header(video, precision), tensors)
        job.notes["decoding_precision"] = precision

    def encode_untrained(self, video: VideoFormat, stream: Path) -> bool:
        precision: Precision = "bfloat16" if has_fast_bfloat16(best_device()) else "float32"
        write_stream(stream, self.header(video, precision), self.quantised(self.network(video)))
        return True

    def quantised(self, network: Representation) -> list[QuantisedTensor]:
        """What a stream holds of ``network``, which loses what only training needs."""
        network.fold()
        return [quantise(tensor, self.bits) for tensor in network.tensors()]

    def header(self, video: VideoFormat, precision: Precision) -> Header:
        parameters = [getattr(self, name) for name in self.network_fields()]
        return Header(self.name, self.version, parameters, precision, video)

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> VideoFormat:
        with watch.part("entropy_decoding"):
            header = read_header(stream)
            codec = codec_of(header)
        with watch.part("model_build"):
            network = codec.network(header.video)
            network.fold()
        with watch.part("entropy_decoding"):
            tensors = read_stream(stream, [(t.kind, tuple(t.values.shape)) for t in network.tensors()])
        with watch.part("model_build"):
            load_tensors(network, tensors)
            network.to(best_device())
        render(network, header.video, frames, header.precision, watch)
        return header.video

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        return split_bytes(stream)


def load_tensors(network: Representation, tensors: list[QuantisedTensor]) -> None:
    """Give ``network`` the values that a decoder will see."""
    for target, tensor in zip(network.tensors(), tensors, strict=True):
        target.values.copy_(dequantise(tensor))


def codec_of(header: Header) -> ImplicitCodec:
    """The codec instance that a header describes. Raises `StreamError` if it describes none."""
    try:
        cls: Any = codecs.load(header.codec)
        if not issubclass(cls, ImplicitCodec) or cls.version != header.codec_version:
            raise StreamError(
                f"The stream is of {header.codec} version {header.codec_version}, which is not known here."
            )
        names = cls.network_fields()
        if len(names) != len(header.parameters):
            raise StreamError(f"The stream has {len(header.parameters)} parameters; {header.codec} has {len(names)}.")
        codec: ImplicitCodec = msgspec.convert(dict(zip(names, header.parameters, strict=True)), cls)
    except (UsageError, msgspec.ValidationError) as error:
        raise StreamError(f"The stream's codec cannot be set up: {error}") from error
    return codec
