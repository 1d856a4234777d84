"""A codec's work in a process of its own: a crash, a hang or a leak there harms nothing here.

The child gets a folder with ``task.json`` and leaves ``result.json`` there. What it prints on
standard output is progress, a JSON object a line; standard error goes to a log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .. import errors
from ..codec import Progress, Stopwatch
from ..errors import BenchError, CellError, CellInterruptedError, CellTimeoutError
from ..files import from_builtins, read_json, write_json
from ..measure.energy import Energy, EnergyMeter
from ..measure.load import LoadMeter
from ..measure.memory import peak_memory_bytes
from ..records.cores import suit_threads, threads
from ..records.environment import git_commit
from ..records.record import Cost
from .share import WHOLE, Share, take_share

R = TypeVar("R")
GRACE_SECONDS = 30.0
"""What a child that was asked to stop has to save its state."""
LOOK_SECONDS = 0.2
"""How long a child goes on, at most, after its time is over or all work is stopped."""
PR_SET_PDEATHSIG = 1
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


USED_UP = "the time budget is used up. Run again to go on."


@dataclass(frozen=True)
class TimeLimit:
    """How long an encoder or decoder may take (``seconds``), when all work ends (``deadline``, on `time.monotonic`'s
    clock), and what ends all work at once when it is set (``stop``)."""

    seconds: float | None = None
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def time_left(self) -> tuple[float | None, CellError]:
        """The seconds that a process starting now has, and what is wrong when they are over."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        if self.seconds is not None and (left is None or self.seconds <= left):
            return self.seconds, CellTimeoutError(f"stopped after {self.seconds:g} s. Allow more with --timeout.")
        return left, CellInterruptedError(f"stopped: {USED_UP}")

    def interruption(self) -> CellInterruptedError | None:
        """What stops all work, if something does by now."""
        if self.stop.is_set():
            return CellInterruptedError("stopped with all others.")
        over = self.deadline is not None and time.monotonic() >= self.deadline
        return CellInterruptedError(f"Stopped: {USED_UP}") if over else None


NO_LIMIT = TimeLimit()


@dataclass(frozen=True)
class Failure:
    """An error of the child: the name of its class in `bench.errors`, and its message."""

    kind: str
    message: str


@dataclass(frozen=True)
class Step:
    """One call of `Progress`, on its way to the parent."""

    stage: str
    step: int = 0
    steps: int = 0
    psnr_db: float | None = None


@dataclass(frozen=True)
class ProcessOutcome:
    """What a child leaves: its result, what it cost, or why it failed."""

    result: Any = None
    seconds: dict[str, float] = field(default_factory=dict)
    overhead_seconds: float = 0.0
    peak_memory_bytes: int = 0
    cpu_seconds: float | None = None
    git_commit: str | None = None
    cores: int | None = None
    other_load: float | None = None
    energy: Energy = field(default_factory=Energy)
    failure: Failure | None = None

    def cost(self) -> Cost:
        """What the work took, in the form that records have."""
        return Cost(
            sum(self.seconds.values()),
            self.seconds,
            self.overhead_seconds,
            self.peak_memory_bytes,
            self.cpu_seconds,
            self.git_commit,
            self.cores,
            other_load=self.other_load,
            cpu_joules=self.energy.cpu_joules,
            gpu_joules=self.energy.gpu_joules,
            no_joules=self.energy.missing,
        )


def run_process(
    module: str,
    folder: Path,
    task: Any,
    result: type[R],
    *,
    log: Path,
    progress: Progress,
    limit: TimeLimit = NO_LIMIT,
    hide: frozenset[str] = frozenset(),
    share: Share = WHOLE,
) -> tuple[R, Cost]:
    """Run ``python -m module`` in ``folder`` on ``task``, with its ``share`` of the machine, and return its result and
    what it cost.

    Temporary files of the child lie in ``folder`` too. Environment variables named in ``hide`` are kept from it.
    Raises the child's own error, `CellTimeoutError` or `CellInterruptedError` when ``limit`` is reached, or
    `CellError` if it crashed.
    """
    write_json(folder / "task.json", task)
    environment = {name: value for name, value in os.environ.items() if name not in hide}
    paths = [_PACKAGE_PARENT, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "BENCH_STARTED": repr(time.monotonic())}
    environment |= {"BENCH_PARENT": str(os.getpid())}
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    environment |= share.environment()
    suit_threads(environment)
    with log.open("ab") as errors_to:
        child = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors_to,
            start_new_session=True,
        )
        stopped = _follow(child, progress, limit)
    name = f"the {module.rpartition('.')[2]}"
    if stopped:
        raise type(stopped)(f"{name} was {stopped}")
    path = folder / "result.json"
    if not path.exists():
        raise CellError(f"{name} ended with {_describe(child.returncode)} and no result. Its messages: {log}")
    outcome = read_json(path, ProcessOutcome)
    if outcome.failure is not None:
        raise getattr(errors, outcome.failure.kind, CellError)(outcome.failure.message)
    try:
        return from_builtins(outcome.result, result), outcome.cost()
    except msgspec.ValidationError as error:
        raise CellError(f"{name} returned what is not a {result.__name__}: {error}.") from error


def _follow(child: subprocess.Popen[bytes], progress: Progress, limit: TimeLimit) -> CellError | None:
    """Pass on what the child reports until it ends; why it had to be stopped, if it had to."""
    seconds, too_late = limit.time_left()
    end = None if seconds is None else time.monotonic() + seconds

    def over() -> CellError | None:
        if limit.stop.is_set():
            return limit.interruption()
        return too_late if end is not None and time.monotonic() >= end else None

    assert child.stdout is not None
    try:
        with child.stdout:
            for line in _lines(child.stdout.fileno()):
                if line is not None:
                    _pass_on(line, progress)
                elif error := over():
                    _stop(child)
                    return error
        while not _ended(child):  # one may close its output and live on
            if error := over():
                _stop(child)
                return error
    except BaseException:
        _stop(child)
        raise
    return None


def _ended(child: subprocess.Popen[bytes]) -> bool:
    """Whether the child ends within `LOOK_SECONDS`. All that it has started and left behind then ends too."""
    if not hasattr(os, "waitid"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(LOOK_SECONDS)
        return child.returncode is not None
    until = time.monotonic() + LOOK_SECONDS
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_SECONDS / 50)
    with contextlib.suppress(ProcessLookupError):  # as long as the child is not collected, its group keeps its number
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return True


def _lines(handle: int) -> Iterator[bytes | None]:
    """The lines that come through a pipe until it is closed, and None as often as `LOOK_SECONDS` have passed."""
    begun, looked = b"", time.monotonic()
    while True:
        ready, _, _ = select.select([handle], [], [], LOOK_SECONDS)
        if ready:
            block = os.read(handle, 1 << 16)
            if not block:
                return
            *lines, begun = (begun + block).split(b"\n")
            yield from lines
        if time.monotonic() - looked >= LOOK_SECONDS:
            looked = time.monotonic()
            yield None


def _pass_on(line: bytes, progress: Progress) -> None:
    try:
        step = msgspec.json.decode(line, type=Step)
    except msgspec.DecodeError:
        return  # a library's own chatter
    progress(step.stage, step.step, step.steps, step.psnr_db)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the child and all that it started; one that wants to may save its state first."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@contextlib.contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Within this, in the child, a request to stop (SIGTERM) sets the event instead of ending the
    process, which has `GRACE_SECONDS` from then on."""
    event = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal.Signals(-status).name}"


def serve(work: Callable[[Stopwatch, Progress], Any], prepare: Callable[[], None] = lambda: None) -> None:
    """The child's side: ``prepare`` the process, do ``work``, and leave the result or the error that was raised."""
    started = float(os.environ.get("BENCH_STARTED", time.monotonic()))  # one clock for all processes of a machine
    _end_with_parent()
    take_share()
    commit, looked = _timed(git_commit)
    prepare()
    meter, looked_again = _timed(EnergyMeter)
    load, before = LoadMeter(), sum(os.times()[:4])
    watch = Stopwatch()
    try:
        result = work(watch, _report)
        overhead = time.monotonic() - started - looked - looked_again - sum(watch.seconds.values())
        cpu_seconds = sum(os.times()[:4])
        energy = meter.energy()
        outcome = ProcessOutcome(
            result=result,
            seconds=watch.seconds,
            overhead_seconds=overhead,
            peak_memory_bytes=peak_memory_bytes(),
            cpu_seconds=cpu_seconds,
            git_commit=commit,
            cores=threads(),
            other_load=load.other_load(cpu_seconds - before),
            energy=energy,
        )
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, BenchError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        outcome = ProcessOutcome(failure=Failure(type(error).__name__ if known else "CellError", message))
    write_json(Path("result.json"), outcome)
    sys.exit(outcome.failure is not None)


def _timed(function: Callable[[], R]) -> tuple[R, float]:
    """What ``function`` returns, and the seconds that it took."""
    start = time.monotonic()
    return function(), time.monotonic() - start


def _end_with_parent() -> None:
    """Ask this process to stop when the one that started it dies, however it dies; then all that this one has started
    ends with it. Only Linux tells a process so."""

    def end_group(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        os._exit(128 + signal.SIGTERM)

    if sys.platform == "linux":
        signal.signal(signal.SIGTERM, end_group)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != int(os.environ.get("BENCH_PARENT", os.getppid())):  # it died before it was asked about
            end_group()


def _report(stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(Step(stage, step, steps, psnr_db)) + b"\n")
    sys.stdout.buffer.flush()
