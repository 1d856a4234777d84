"""The codec that every implicit one is: train a network, quantise it, code it, and the way back."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numba
import numpy
import scipy
import torch

from bench.codec import Codec, Complexity, Family, Job, Stopwatch
from bench.dataset import Clip
from bench.errors import StreamError, UsageError
from bench.measure.macs import count_complexity
from bench.registry import codecs
from bench.video.colour import Matrix
from bench.video.raw import VideoFormat

from .network.device import best_device, has_fast_bfloat16
from .network.render import Precision, choose_precision, render
from .network.representation import Representation
from .stream import Header, header_bytes, read_stream, split_bytes, write_stream
from .training.prune import prune
from .training.recipe import RECIPES, RecipeName
from .weights import cabac
from .weights.coder import CodedTensors, Expected
from .weights.codings import DECODERS, WEIGHT_CODINGS, WeightCoding, WeightsName
from .weights.step_sizes import StepSizes, by_range
from .weights.target import Target, parse_target

FINE_TUNING = 3
"""NeRV's published commands train for 300 epochs and fine-tune for 100."""
TUNING = 30
"""The epochs of training divided by this are those of one round of tuning for quantisation."""
TUNING_RATE = 0.1
"""Times the learning rate of training. At the whole of it E-NeRV loses more than it gains."""


@dataclass(frozen=True)
class ImplicitCodec(Codec):
    """A subclass adds the sizes of its network as fields, and `network`.

    ``epochs`` are the passes of training over all frames. ``pruned`` is the share of weights that are
    then set to zero, followed by a third as many epochs of fine-tuning. ``weights`` names how float
    weights become bits (`WEIGHT_CODINGS`), and ``target`` how coarsely (`parse_target`).
    NeRV's own pipeline is ``pruned=0.6,weights=huffman,target=8bit``.
    """

    family: ClassVar[Family] = "implicit"
    suffix: ClassVar[str] = ".inr"

    epochs: int = 300
    recipe: RecipeName = "nerv"
    pruned: float = 0.0
    weights: WeightsName = "tuned"
    target: str = "-0.1dB"

    @abstractmethod
    def network(self, video: VideoFormat) -> Representation:
        """The untrained network for a video of this size and length."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"{self.name}: epochs must be at least 1, not {self.epochs}.")
        if not 0 <= self.pruned < 1:
            raise UsageError(f"{self.name}: pruned is a share from 0 to below 1, not {self.pruned}.")
        if self.weights not in WEIGHT_CODINGS:
            known = ", ".join(WEIGHT_CODINGS)
            raise UsageError(f"{self.name}: there is no way of coding weights {self.weights!r}. Known: {known}.")
        target = parse_target(self.target)
        if target.kind == "bits" and not (WEIGHT_CODINGS[self.weights].steps == "range" and 2 <= target.value <= 12):
            raise UsageError(
                f"{self.name}: weights={self.weights} cannot aim at {self.target}: 2bit to 12bit are for steps by "
                "range (weights=paper or huffman); others take a loss, a PSNR or a rate."
            )
        if self.recipe not in RECIPES:
            raise UsageError(f"{self.name}: there is no recipe {self.recipe!r}. Known: {', '.join(RECIPES)}.")

    @classmethod
    def network_fields(cls) -> list[str]:
        """The parameters that a decoder needs: those that a subclass adds to this class's own."""
        shared = {field.name for field in dataclasses.fields(ImplicitCodec)}
        return [field.name for field in dataclasses.fields(cls) if field.name not in shared]

    def tools(self) -> dict[str, str]:
        return {module.__name__: str(module.__version__) for module in (torch, numba, numpy, scipy)}

    def skip(self, clip: Clip) -> str | None:
        from .kernels.loss import TAPS  # here: a decoder need not wait for what only training uses

        side = min(clip.rgb.format.width, clip.rgb.format.height)
        if side >= TAPS:
            return None
        return f"the loss looks at windows of {TAPS} pixels; this clip has a side of {side}"

    def complexity(self, video: VideoFormat) -> Complexity:
        return count_complexity(self.network(video), torch.zeros(1, dtype=torch.int64))

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        from .training.train import load_frames  # here: a decoder need not wait for what only training uses

        form = clip.rgb.format
        network = self.trained(clip, job)
        if network.canvas != (form.width, form.height):
            job.notes["padded_to"] = "{}x{}".format(*network.canvas)  # and MACs are those of the larger picture
        coded = self.compressed(network, clip, WEIGHT_CODINGS[self.weights], parse_target(self.target), job)
        with job.watch.part("precision_choice"):
            precision = choose_precision(network, load_frames(clip.rgb, torch.device("cpu")))
        write_stream(stream, self.header(clip.rgb.format, clip.matrix, precision), coded)
        job.notes["decoding_precision"] = precision

    def trained(self, clip: Clip, job: Job) -> Representation:
        """The network after training, pruning and fine-tuning, folded."""
        from .training.train import train

        def fresh_network() -> Representation:
            torch.manual_seed(job.seed)
            return self.network(clip.rgb.format).to(best_device())

        recipe = RECIPES[self.recipe]
        network = train(fresh_network, clip.rgb, recipe, self.epochs, job)
        if self.pruned:
            prune(network, self.pruned)
            epochs = -(-self.epochs // FINE_TUNING)
            network = train(lambda: copy.deepcopy(network), clip.rgb, recipe, epochs, job, "fine_tuning")
        network.fold()
        return network

    def compressed(
        self, network: Representation, clip: Clip, coding: WeightCoding, target: Target, job: Job
    ) -> CodedTensors:
        """What a stream holds of a trained network, which is left with the values that a decoder sees."""
        from .training.train import load_frames, train
        from .weights.search import compress

        def tune(network: Representation, steps: StepSizes, number: int) -> Representation:
            grid = {t.name: float(step) for t, step in zip(network.tensors(), steps.values(), strict=True)}
            recipe = RECIPES[self.recipe]
            recipe = dataclasses.replace(recipe, learning_rate=TUNING_RATE * recipe.learning_rate, warmup=0)
            epochs = -(-self.epochs // TUNING)
            return train(lambda: copy.deepcopy(network), clip.rgb, recipe, epochs, job, f"tuning_{number}", grid)

        frames, video = load_frames(clip.rgb, torch.device("cpu")), clip.rgb.format
        size_bytes = target.size_bytes(video) - header_bytes(self.header(video, clip.matrix, "float32"))
        return compress(network, frames, coding, target, size_bytes, job, tune)

    def encode_untrained(self, video: VideoFormat, stream: Path) -> bool:
        network = self.network(video)
        network.fold()
        tensors = list(network.tensors())
        steps = by_range(tensors).times(1 / (2**7 - 1))
        precision: Precision = "bfloat16" if has_fast_bfloat16(best_device()) else "float32"
        header = dataclasses.replace(self.header(video, "bt601", precision), coder="deepcabac")
        write_stream(stream, header, cabac.encode(tensors, cabac.Quantisation(steps, "nearest")))
        return True

    def header(self, video: VideoFormat, matrix: Matrix, precision: Precision) -> Header:
        parameters = [getattr(self, name) for name in self.network_fields()]
        return Header(self.name, self.version, parameters, WEIGHT_CODINGS[self.weights].coder, precision, matrix, video)

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> VideoFormat:
        with watch.part("model_build"):
            header, coded = read_stream(stream)
            codec = codec_of(header)
            expected = expected_tensors(codec, header.video)
        with watch.part("entropy_decoding"):
            values = DECODERS[header.coder].decode(coded, expected)
        with watch.part("model_build"):
            network = codec.network(header.video)
            network.fold()
            network.fill(values)
            network.to(best_device())
        render(network, header.video, frames, header.precision, watch)
        return header.video

    @classmethod
    def matrix(cls, stream: Path) -> Matrix:
        return read_stream(stream)[0].matrix

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        return split_bytes(stream)


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


def expected_tensors(codec: ImplicitCodec, video: VideoFormat) -> list[Expected]:
    """The tensors that the codec's network has places for, found without making any.

    Raises `StreamError` if there is no such network.
    """
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = codec.network(video)
            network.fold()
        tensors = [(tensor.kind, tuple(tensor.values.shape)) for tensor in network.tensors()]
    except (RuntimeError, ValueError, TypeError, ArithmeticError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StreamError(f"The stream describes a network that cannot be: {reason}") from error
    if any(0 in shape for _, shape in tensors):
        raise StreamError("The stream describes a network that cannot be: a layer has no channels.")
    return tensors
