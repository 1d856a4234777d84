"""What all implicit codecs share: a network is trained, quantised and coded, and decoded again."""

from __future__ import annotations

import dataclasses
import warnings
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numba
import torch

from bench.codec import Complexity, DecodedFormat, Family, Job, LearnedCodec, Stopwatch
from bench.dataset import Clip
from bench.errors import StreamError, UsageError
from bench.measure.macs import count_complexity
from bench.registry import codecs
from bench.video.colour import Matrix
from bench.video.raw import VideoFormat

from .network.device import best_device, has_fast_bfloat16
from .network.render import Precision, render
from .network.representation import Representation, TensorPlace
from .stream import LONGEST_FIELD, Header, Stream, codec_name, read_stream, split_bytes, write_stream
from .training.recipe import RECIPES, RecipeName
from .weights import cabac
from .weights.codings import DECODERS, WEIGHT_CODINGS, WeightCoding, WeightsName
from .weights.step_sizes import by_range
from .weights.target import Target, parse_target


@dataclass(frozen=True)
class ImplicitCodec(LearnedCodec):
    """An implicit codec. A subclass adds the sizes of its network as fields, and the method `network`.

    ``epochs`` is the number of passes of training over all frames. Then the share ``pruned`` of the weights is set to
    zero, and a third as many epochs of fine-tuning follow. ``weights`` names the way in which float weights become bits
    (`WEIGHT_CODINGS`), and ``target`` says how coarsely (`parse_target`). NeRV's own pipeline is
    ``pruned=0.6,weights=huffman,target=8bit``. Raises `UsageError` for parameters that do not exist or do not fit.
    """

    family: ClassVar[Family] = "implicit"
    suffix: ClassVar[str] = ".inr"
    network_version: ClassVar[int]
    """This number is raised whenever the same tensors would give other frames; a decoder refuses streams of another
    network version. A change of training alone raises only `version`, so that earlier streams stay readable."""

    epochs: int = 300
    recipe: RecipeName = "nerv"
    pruned: float = 0.0
    weights: WeightsName = "tuned"
    target: str = "-0.1dB"

    @abstractmethod
    def network(self, video: VideoFormat) -> Representation:
        """The untrained network for a video of this format."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UsageError(f"{self.name}: epochs must be at least 1, not {self.epochs}.")
        if not 0 <= self.pruned < 1:
            raise UsageError(f"{self.name}: pruned is a share from 0 to below 1, not {self.pruned}.")
        if self.weights not in WEIGHT_CODINGS:
            known = ", ".join(WEIGHT_CODINGS)
            raise UsageError(f"{self.name}: there is no way of coding weights {self.weights!r}. Known: {known}.")
        target = parse_target(self.target)
        if target.kind == "bits" and not (
            WEIGHT_CODINGS[self.weights].step_rule == "range" and 2 <= target.value <= 12
        ):
            raise UsageError(
                f"{self.name}: weights={self.weights} cannot aim at {self.target}: 2bit to 12bit are for step sizes by "
                "range (weights=paper or huffman); others take a loss, a PSNR or a rate."
            )
        if self.recipe not in RECIPES:
            raise UsageError(f"{self.name}: there is no recipe {self.recipe!r}. Known: {', '.join(RECIPES)}.")
        taken = len(msgspec.msgpack.encode(self.network_parameters()))
        if taken > LONGEST_FIELD:
            raise UsageError(
                f"{self.name}: the network's parameters take {taken} bytes in a stream; {LONGEST_FIELD} is the most."
            )

    def passes(self) -> float:
        return self.epochs * (4 / 3 if self.pruned else 1)

    @property
    def weight_coding(self) -> WeightCoding:
        """The way in which float weights become bits."""
        return WEIGHT_CODINGS[self.weights]

    @property
    def weight_target(self) -> Target:
        """The target of quantisation."""
        return parse_target(self.target)

    @classmethod
    def network_fields(cls) -> list[str]:
        """The names of the parameters that a decoder needs, which are those that a subclass adds."""
        shared = {field.name for field in dataclasses.fields(ImplicitCodec)}
        return [field.name for field in dataclasses.fields(cls) if field.name not in shared]

    def network_parameters(self) -> list[Any]:
        """The values of the parameters in `network_fields`, as a stream holds them."""
        return [getattr(self, name) for name in self.network_fields()]

    def tools(self) -> dict[str, str]:
        # These two compute the weights.
        return {module.__name__: str(module.__version__) for module in (torch, numba)}

    def skip(self, clip: Clip) -> str | None:
        # The import is here since it is slow and decoders do not need it.
        from .kernels.loss import TAPS

        side = min(clip.rgb.format.width, clip.rgb.format.height)
        if side >= TAPS:
            return None
        return f"the loss looks at windows of {TAPS} pixels; this clip has a side of {side}"

    def complexity(self, video: VideoFormat) -> Complexity:
        network = self.network(video)
        parameters = sum(tensor.values.numel() for tensor in network.sent())
        return count_complexity(network, torch.zeros(1, dtype=torch.int64), parameters)

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        # The import is here since it is slow and decoders do not need it.
        from .encode import encode

        encode(self, clip, stream, job)

    def encode_untrained(self, video: VideoFormat, stream: Path) -> None:
        network = self.network(video)
        network.finish(None)
        tensors = list(network.sent())
        step_sizes = by_range(tensors).times(1 / (2**7 - 1))
        coded = cabac.encode(tensors, cabac.Quantisation(step_sizes, "nearest"))
        precision: Precision = "bfloat16" if has_fast_bfloat16(best_device()) else "float32"
        header = dataclasses.replace(self.header(video, "bt601", precision), coder="deepcabac")
        write_stream(stream, Stream(header, coded, network.attachments()))

    def header(self, video: VideoFormat, matrix: Matrix, precision: Precision) -> Header:
        """The header of a stream of this codec."""
        coder = self.weight_coding.coder
        return Header(self.name, self.network_version, self.network_parameters(), coder, precision, matrix, video)

    @classmethod
    def reads(cls, stream: Path) -> bool:
        return codec_name(stream) == cls.name

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        with watch.part("model_build"):
            content = read_stream(stream)
            header = content.header
            if header.base is not None:
                raise StreamError(
                    f"The stream needs the file {header.base.name} ({header.base.size_bytes:,} bytes, sha256 "
                    f"{header.base.sha256[:16]}…) beside it, which {header.codec} has no use for."
                )
            codec = codec_of(header)
            places = tensor_places(codec, header.video)
        with watch.part("entropy_decoding"):
            values = DECODERS[header.coder].decode(content.coded, places)
        with watch.part("model_build"):
            network = codec.network(header.video)
            network.finish(None)
            network.fill(values)
            network.attach(content.attachments)
            network.to(best_device())
        render(network, header.video, frames, header.precision, watch)
        return DecodedFormat(header.video, header.matrix)

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        return split_bytes(stream)


def codec_of(header: Header) -> ImplicitCodec:
    """The codec, with its parameters, that a header describes. Raises `StreamError` if there is no such codec here."""
    try:
        cls: Any = codecs.load(header.codec)
        if not issubclass(cls, ImplicitCodec) or cls.network_version != header.network_version:
            raise StreamError(
                f"The stream is of {header.codec}, network version {header.network_version}, which is not known here."
            )
        names = cls.network_fields()
        if len(names) != len(header.parameters):
            raise StreamError(f"The stream has {len(header.parameters)} parameters; {header.codec} has {len(names)}.")
        codec: ImplicitCodec = msgspec.convert(dict(zip(names, header.parameters, strict=True)), cls)
    except (UsageError, msgspec.ValidationError) as error:
        raise StreamError(f"The stream's codec cannot be set up: {error}") from error
    return codec


def tensor_places(codec: ImplicitCodec, video: VideoFormat) -> list[TensorPlace]:
    """The places of the tensors of the codec's network for ``video``. No memory is allocated for the tensors.

    Raises `StreamError` if the codec's parameters and the video's size allow no network.
    """
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = codec.network(video)
            network.finish(None)
        places = [tensor.place for tensor in network.sent()]
    except (RuntimeError, ValueError, TypeError, ArithmeticError, AssertionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StreamError(f"The stream describes a network that cannot be: {reason}") from error
    if any(0 in place.shape for place in places):
        raise StreamError("The stream describes a network that cannot be: a layer has no channels.")
    return places
