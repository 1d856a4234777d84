"""The process that encodes one cell: ``python -m bench.runs.encoder`` in a folder with its task."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..codec import Codec, Complexity, Job, LearnedCodec, Parameters, Progress, Stopwatch, TrainingCurve
from ..dataset import Clip
from ..files import read_json, to_builtins
from ..records.environment import Environment
from ..records.record import Cost
from ..registry import codecs
from .process import serve, stop_requests


@dataclass(frozen=True)
class EncodeTask:
    """Which codec, with which parameters, encodes which clip into which file."""

    codec: str
    parameters: dict[str, Any]
    clip: Clip
    seed: int
    stream: Path
    checkpoints: Path


@dataclass(frozen=True)
class EncodeResult:
    """What the encoder knows besides the file that it wrote."""

    complexity: Complexity | None
    curve: TrainingCurve | None
    notes: dict[str, Any]
    resumed_at_steps: dict[str, list[int]]


@dataclass(frozen=True)
class Encoded:
    """A stream that was written, and everything about its making that a record will hold. It is kept on disk until the
    stream has been measured, so that no failure after encoding costs the encoding.

    ``sha256`` is of the stream, ``environment`` is what it was made in.
    """

    key: str
    sha256: str
    result: EncodeResult
    cost: Cost
    environment: Environment


def make_codec(name: str, parameters: Parameters) -> Codec:
    """The codec ``name`` with these parameters, their types checked."""
    return msgspec.convert(parameters, codecs.load(name))


def work(watch: Stopwatch, progress: Progress) -> EncodeResult:
    task = read_json(Path("task.json"), EncodeTask)
    codec = make_codec(task.codec, task.parameters)
    job = Job(task.seed, Path.cwd(), task.checkpoints, progress, stop_requests, watch)
    # First of all: if it fails, no training is lost.
    complexity = codec.complexity(task.clip.rgb.format) if isinstance(codec, LearnedCodec) else None
    codec.encode(task.clip, task.stream, job)
    notes = {name: storable(note) for name, note in job.notes.items()}
    return EncodeResult(complexity, job.curve, notes, job.resumed_at_steps)


def storable(note: Any) -> Any:
    """A note as a record can hold it: an object that it cannot hold as text, rather than the stream lost for it."""
    try:
        return to_builtins(note)
    except (NotImplementedError, TypeError, ValueError) as error:
        print(f"A note was kept as text: {error}", file=sys.stderr)
        return repr(note)


if __name__ == "__main__":
    serve(work)
