"""The codec that every implicit one is: train a network, quantise it, code it, and the way back."""

from __future__ import annotations

import copy
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
from .minmax import MinMaxCoder
from .prune import prune
from .recipe import RECIPES, RecipeName
from .render import Precision, choose_precision, render
from .representation import Representation
from .stream import CoderName, Header, read_stream, split_bytes, write_stream
from .uniform import UniformCoder
from .weights import CodedTensors, WeightCoder

CODERS: dict[CoderName, WeightCoder] = {"uniform": UniformCoder(), "huffman": MinMaxCoder()}
FINE_TUNING = 3
"""NeRV's published commands train for 300 epochs and fine-tune for 100."""


@dataclass(frozen=True)
class ImplicitCodec(Codec):
    """A subclass adds the sizes of its network as fields, and `network`.

    ``epochs`` are the passes of training over all frames, ``bits`` the width of a quantised weight.
    ``pruned`` is the share of weights that are then set to zero, followed by a third as many epochs
    of fine-tuning: with 0.6 and ``coder="huffman"`` this is NeRV's own pipeline.
    """

    family: ClassVar[Family] = "implicit"
    suffix: ClassVar[str] = ".inr"

    bits: int = 8
    epochs: int = 300
    recipe: RecipeName = "nerv"
    coder: CoderName = "uniform"
    pruned: float = 0.0

    @abstractmethod
    def network(self, video: VideoFormat) -> Representation:
        """The untrained network for a video of this size and length."""

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 8:
            raise UsageError(f"{self.name}: bits must be from 2 to 8, not {self.bits}.")
        if self.epochs < 1:
            raise UsageError(f"{self.name}: epochs must be at least 1, not {self.epochs}.")
        if not 0 <= self.pruned < 1:
            raise UsageError(f"{self.name}: pruned is a share from 0 to below 1, not {self.pruned}.")
        if self.coder not in CODERS:
            raise UsageError(f"{self.name}: there is no weight coder {self.coder!r}. Known: {', '.join(CODERS)}.")
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

        video, recipe = clip.rgb.format, RECIPES[self.recipe]

        def fresh_network() -> Representation:
            torch.manual_seed(job.seed)
            return self.network(video).to(best_device())

        network = train(fresh_network, clip.rgb, recipe, self.epochs, job)
        if self.pruned:
            prune(network, self.pruned)
            epochs = -(-self.epochs // FINE_TUNING)
            network = train(lambda: copy.deepcopy(network), clip.rgb, recipe, epochs, job, stage="fine_tuning")
        with job.watch.part("quantisation_and_entropy_coding"):
            coded = self.coded(network)
            load_tensors(network, CODERS[self.coder], coded)
        with job.watch.part("precision_choice"):
            precision = choose_precision(network, load_frames(clip.rgb, torch.device("cpu")))
        write_stream(stream, self.header(video, precision), coded)
        job.notes["decoding_precision"] = precision

    def encode_untrained(self, video: VideoFormat, stream: Path) -> bool:
        precision: Precision = "bfloat16" if has_fast_bfloat16(best_device()) else "float32"
        write_stream(stream, self.header(video, precision), self.coded(self.network(video)))
        return True

    def coded(self, network: Representation) -> CodedTensors:
        """What a stream holds of ``network``, which loses what only training needs."""
        network.fold()
        return CODERS[self.coder].encode(list(network.tensors()), self.bits)

    def header(self, video: VideoFormat, precision: Precision) -> Header:
        parameters = [getattr(self, name) for name in self.network_fields()]
        return Header(self.name, self.version, parameters, self.coder, precision, video)

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> VideoFormat:
        with watch.part("model_build"):
            header, coded = read_stream(stream)
            network = codec_of(header).network(header.video)
            network.fold()
        with watch.part("entropy_decoding"):
            load_tensors(network, CODERS[header.coder], coded)
        with watch.part("model_build"):
            network.to(best_device())
        render(network, header.video, frames, header.precision, watch)
        return header.video

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        return split_bytes(stream)


def load_tensors(network: Representation, coder: WeightCoder, coded: CodedTensors) -> None:
    """Give ``network`` the values that a decoder sees."""
    tensors = list(network.tensors())
    decoded = coder.decode(coded, [(tensor.kind, tuple(tensor.values.shape)) for tensor in tensors])
    for tensor, values in zip(tensors, decoded, strict=True):
        tensor.values.copy_(values)


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
