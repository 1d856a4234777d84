"""The record of a cell: everything that is needed to believe its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..codec import Complexity, Family, TrainingCurve
from ..dataset import Clip, Source
from .environment import Environment

SCHEMA = 2
"""Raised whenever the same cell would give other numbers: it is part of every key."""

Status = Literal["ok", "failed", "skipped", "timed_out"]

Isolation = Literal["landlock", "folder"]
"""What keeps a decoder to its stream (`bench.runs.isolation`): Landlock, or only the empty folder that it works in."""


@dataclass(frozen=True)
class CodecFacts:
    """The codec at this rate point. ``label`` names the curve that the point belongs to: the
    codec's name, with the options that were set by hand. ``threads`` is the number of threads that its encoder was
    told to use; None where that is left to the encoder. ``portable`` says that the same tools give the same bytes on
    every processor; records from before it was stated say that they may not. ``structure`` says how pictures refer to
    each other and how far key frames are apart; None where a codec has no such thing, and in older records."""

    name: str
    label: str
    family: Family
    version: int
    parameters: dict[str, Any]
    tools: dict[str, str]
    threads: int | None = None
    portable: bool = False
    structure: str | None = None


@dataclass(frozen=True)
class PresetFacts:
    """``digest`` is of the preset's content, so that an edited preset is another one."""

    name: str
    digest: str
    full_scale: bool


@dataclass(frozen=True)
class StreamFacts:
    """The bitstream on disk. ``ledger`` splits ``size_bytes`` by purpose and sums to it."""

    path: str
    size_bytes: int
    sha256: str
    ledger: dict[str, int]
    bits_per_pixel: float
    bitrate_mbps: float


@dataclass(frozen=True)
class Cost:
    """What a process took. ``seconds`` is the sum of ``parts``. The rest of its life, mostly starting
    Python and importing libraries, stands apart as ``overhead_seconds``. ``cpu_seconds`` is what all
    processors spent on it and on the programs that it ran; None where a part of it was done by an
    earlier process, which was interrupted. ``git_commit`` is that of the code which the process ran, as
    `Environment` has it.

    Under what load it was timed: ``cores`` is how many processor cores the process could use, ``beside`` how many other
    encoders of the same run worked at some time while it did, and ``other_load`` how many cores of the machine were
    busy with anything else, on average; None where the system does not tell.

    ``cpu_joules`` and ``gpu_joules`` are what the machine's processors and the GPUs that this process may use took from
    the start of the work to its end, with whatever else they did; None where ``no_joules`` says why, by the name of the
    field."""

    seconds: float
    parts: dict[str, float]
    overhead_seconds: float
    peak_memory_bytes: int
    cpu_seconds: float | None = None
    git_commit: str | None = None
    cores: int | None = None
    beside: int = 0
    other_load: float | None = None
    cpu_joules: float | None = None
    gpu_joules: float | None = None
    no_joules: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Quality:
    """Each metric by its full name: over the clip, and for each frame where it has such values, None in
    a frame that has no such value."""

    clip: dict[str, float]
    frames: dict[str, list[float | None]]
    unavailable: dict[str, str] = field(default_factory=dict)
    """Metric to the reason why it could not be computed."""
    tools: dict[str, str] = field(default_factory=dict)
    """Metric to the program that computed it, with its version, where it is not this one."""
    remarks: dict[str, str] = field(default_factory=dict)
    """Metric to what must be known of its values."""


@dataclass(frozen=True)
class KeptFile:
    """A file beside the records; ``path`` is relative to the results directory."""

    path: str
    sha256: str


@dataclass(frozen=True)
class KeptFrame:
    """One frame, kept as PNG for people to look at: of a clip the same ``index`` for every codec, the
    frame with the most transient pixels. ``transient`` is the mask of those, white on black."""

    index: int
    decoded: KeptFile
    source: KeptFile
    transient: KeptFile


def cell_name(source: Source, codec: str, key: str) -> str:
    """What a cell's files are called, without a suffix: readable, and no other key has it."""
    return f"{source.dataset}-{source.sequence}-{codec}-{key[:12]}"


@dataclass(frozen=True)
class Record:
    """One cell. What follows ``started`` is there as far as the cell came."""

    schema: int
    key: str
    status: Status
    codec: CodecFacts
    preset: PresetFacts
    clip: Clip
    seed: int
    environment: Environment
    started: str
    stream: StreamFacts | None = None
    isolation: Isolation | None = None
    """What kept the decoder to the stream; None in records from before this was measured."""
    frames_sha256: str | None = None
    quality: Quality | None = None
    encode: Cost | None = None
    """None also where the stream was made on another machine, whose times do not belong here."""
    encode_one_core: Cost | None = None
    """The same once more on a single core, of a standard codec, which gave the same stream."""
    decode: Cost | None = None
    decode_one_core: Cost | None = None
    """The same once more on a single core, of a standard codec, which gave the same frames."""
    complexity: Complexity | None = None
    training: TrainingCurve | None = None
    still: KeptFrame | None = None
    resumed_at_steps: dict[str, list[int]] = field(default_factory=dict)
    """Each stage of training that went on from a checkpoint to the steps at which it did."""
    wall_seconds: float | None = None
    """From the start of the cell to its record, of a cell that ran without a break: what another one will take."""
    notes: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    """Why the status is not ``ok``."""
