"""What a codec is to the benchmark. Adding one means writing a subclass of `Codec`.

A codec is a frozen dataclass: its fields are its parameters, so an instance is the codec at one
rate point. `encode` writes a file; `decode` gets nothing but that file, in a fresh process.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from .dataset import Clip
from .video.colour import Matrix
from .video.raw import VideoFormat

Family = Literal["standard", "implicit"]
Parameters = Mapping[str, Any]


class Progress(Protocol):
    """Called as often as a codec likes; ``psnr_db`` is the quality reached so far, if known."""

    def __call__(self, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None: ...


@dataclass
class Stopwatch:
    """Wall-clock seconds by part. Parts do not nest, so that they add up."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class TrainingCurve:
    """How an encoder that trains came along: one entry in each list for every point looked at.

    ``steps`` and ``seconds`` (wall-clock, since training began) are where a point ends; ``loss`` and
    ``psnr_db`` are means over the epoch before it, of each frame as it was when it was trained on.
    """

    steps: list[int]
    seconds: list[float]
    loss: list[float]
    psnr_db: list[float]
    learning_rate: list[float]

    def followed_by(self, later: TrainingCurve) -> TrainingCurve:
        """Both, the later one counted from where this one ends."""
        return TrainingCurve(
            self.steps + [self.steps[-1] + step for step in later.steps],
            self.seconds + [self.seconds[-1] + seconds for seconds in later.seconds],
            self.loss + later.loss,
            self.psnr_db + later.psnr_db,
            self.learning_rate + later.learning_rate,
        )


@contextmanager
def never_stopped() -> Iterator[threading.Event]:
    """Stands for `Job.stop_requests` where nobody asks an encoder to stop."""
    yield threading.Event()


@dataclass
class Job:
    """What `Codec.encode` works with besides the clip, and where it leaves what it noticed.

    ``checkpoints`` is a folder, to be made, that outlives an interrupted encoder: one that leaves
    its state there finds it when the same cell is run again, and must then write the same stream.
    Within ``stop_requests()`` a request to stop sets the event that it gives instead of ending the
    process: an encoder that keeps checkpoints then saves its state and raises `CellInterruptedError`.
    """

    seed: int
    scratch: Path
    checkpoints: Path
    progress: Progress
    stop_requests: Callable[[], AbstractContextManager[threading.Event]] = never_stopped
    watch: Stopwatch = field(default_factory=Stopwatch)
    notes: dict[str, Any] = field(default_factory=dict)
    resumed_at_steps: dict[str, list[int]] = field(default_factory=dict)
    """Each stage of training that went on from a checkpoint to the steps at which it did."""
    curve: TrainingCurve | None = None


@dataclass(frozen=True)
class Complexity:
    """The cost of a learned decoder. One MAC is one fvcore "flop" (`bench.measure.macs`)."""

    parameters: int
    macs_per_frame: int
    unsupported_operators: Mapping[str, int]


@dataclass(frozen=True)
class DecodedFormat:
    """What a decoder says of the frames that it wrote. ``matrix`` made the RGB source from YUV, where the stream holds
    RGB: a player needs it for the way back."""

    video: VideoFormat
    matrix: Matrix = "bt601"


@dataclass(frozen=True)
class Codec(ABC):
    """One codec at one rate point."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever the same parameters would give other bytes or other frames."""
    family: ClassVar[Family]
    suffix: ClassVar[str]
    """The suffix of the streams, with its dot. Codecs that share a decoder share a suffix."""
    seeded: ClassVar[bool] = False
    """Whether `Job.seed` changes the stream. Where it does not, all seeds are one cell."""
    threads: ClassVar[int | None] = None
    """The number of threads that the encoder is told to use; None where it may use as many as the machine has."""
    portable: ClassVar[bool] = False
    """Whether the same versions of the tools give the same bytes on every processor."""

    @abstractmethod
    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Write ``clip`` to the file ``stream``."""

    @classmethod
    @abstractmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Write the frames of ``stream`` to the raw file ``frames`` and say their format.

        Runs in a fresh process whose working directory is an empty scratch folder. Raises
        `StreamError` if the stream is not one that `encode` wrote.
        """

    @classmethod
    def reads(cls, stream: Path) -> bool:
        """Whether a stream with this codec's suffix is this codec's, by the stream's own header where there is one.
        Damage is for `decode` to find."""
        return True

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        """The bytes of ``stream`` by purpose; they must sum to the file's size."""
        return {"payload": stream.stat().st_size}

    @classmethod
    def points(cls) -> list[Parameters]:
        """The rate points to run where a preset names none."""
        return [{}]

    def tools(self) -> dict[str, str]:
        """The versions of the programs and libraries that decide the bytes."""
        return {}

    @classmethod
    def missing(cls) -> str | None:
        """What this codec needs and this machine lacks, with the cure; None if it can run."""
        return None

    def skip(self, clip: Clip) -> str | None:
        """Why this codec cannot take this clip; None if it can."""
        return None

    def passes(self) -> float:
        """How often the encoder goes through the video, for estimates of its time."""
        return 1

    def structure(self) -> str | None:
        """How pictures refer to each other and how far key frames are apart, in words that a report can print; None
        for a codec to which this does not apply."""
        return None

    def parameters(self) -> dict[str, Any]:
        """The fields by name, as they enter the record and its key."""
        return asdict(self)


@dataclass(frozen=True)
class LearnedCodec(Codec):
    """A codec whose decoder is a network that was trained on the video."""

    seeded: ClassVar[bool] = True

    @abstractmethod
    def complexity(self, video: VideoFormat) -> Complexity:
        """What the decoder costs on a video of this size."""

    @abstractmethod
    def encode_untrained(self, video: VideoFormat, stream: Path) -> None:
        """Write a stream of a video of this size and length that costs as much to decode as a trained network's, its
        weights being fresh."""
