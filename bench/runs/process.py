"""A codec's work in a process of its own: a crash, a hang or a leak there harms nothing here.

The child gets a folder with ``task.json`` and leaves ``result.json`` there. What it prints on
standard output is progress, a JSON object a line; standard error goes to a log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
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
from ..measure.memory import peak_memory_bytes
from ..records.environment import git_commit
from ..records.record import Cost

R = TypeVar("R")
GRACE_SECONDS = 30.0
"""What a child that was asked to stop has to save its state."""
CAN_PIN = hasattr(os, "sched_setaffinity")
PR_SET_PDEATHSIG = 1
_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


USED_UP = "the time budget is used up. Run again to go on."


@dataclass(frozen=True)
class TimeLimit:
    """How long an encoder or decoder may take (``seconds``), and when all work ends (``deadline``, on
    `time.monotonic`'s clock)."""

    seconds: float | None = None
    deadline: float | None = None

    def time_left(self) -> tuple[float | None, CellError]:
        """The seconds that a process starting now has, and what is wrong when they are over."""
        left = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        if self.seconds is not None and (left is None or self.seconds <= left):
            return self.seconds, CellTimeoutError(f"stopped after {self.seconds:g} s. Allow more with --timeout.")
        return left, CellInterruptedError(f"stopped: {USED_UP}")

    def interruption(self) -> CellInterruptedError | None:
        """What stops all work, if its time is over."""
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
    one_core: bool = False,
) -> tuple[R, Cost]:
    """Run ``python -m module`` in ``folder`` on ``task`` and return its result and what it cost.

    Temporary files of the child lie in ``folder`` too. Environment variables named in ``hide`` are kept from it.
    With ``one_core`` it and all that it starts see a single processor, where the system can do that (`CAN_PIN`).
    Raises the child's own error, `CellTimeoutError` or `CellInterruptedError` when ``limit`` is reached, or
    `CellError` if it crashed.
    """
    write_json(folder / "task.json", task)
    environment = {name: value for name, value in os.environ.items() if name not in hide}
    paths = [_PACKAGE_PARENT, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "BENCH_STARTED": repr(time.time())}
    environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    environment |= {"BENCH_ONE_CORE": "1"} if one_core else {}
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
        seconds, error = limit.time_left()
        expired = _follow(child, progress, seconds)
    name = f"the {module.rpartition('.')[2]}"
    if expired:
        raise type(error)(f"{name} was {error}")
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


def _follow(child: subprocess.Popen[bytes], progress: Progress, seconds: float | None) -> bool:
    """Pass on what the child reports until it ends; true if it had to be stopped."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _stop(child)

    timer = None if seconds is None else threading.Timer(seconds, expire)
    if timer:
        timer.start()
    try:
        assert child.stdout is not None
        for line in child.stdout:
            try:
                step = msgspec.json.decode(line, type=Step)
            except msgspec.DecodeError:
                continue  # a library's own chatter
            progress(step.stage, step.step, step.steps, step.psnr_db)
        child.wait()
    except BaseException:
        _stop(child)
        raise
    finally:
        if timer:
            timer.cancel()
        assert child.stdout is not None
        child.stdout.close()
    return expired.is_set()


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
    started = float(os.environ.get("BENCH_STARTED", time.time()))
    _end_with_parent()
    commit, looked = _timed(git_commit)
    prepare()
    if os.environ.get("BENCH_ONE_CORE") and CAN_PIN:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    watch = Stopwatch()
    try:
        result = work(watch, _report)
        overhead = time.time() - started - looked - sum(watch.seconds.values())
        outcome = ProcessOutcome(result, watch.seconds, overhead, peak_memory_bytes(), sum(os.times()[:4]), commit)
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, BenchError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        outcome = ProcessOutcome(failure=Failure(type(error).__name__ if known else "CellError", message))
    write_json(Path("result.json"), outcome)
    sys.exit(outcome.failure is not None)


def _timed(function: Callable[[], R]) -> tuple[R, float]:
    """What ``function`` returns, and the seconds that it took."""
    start = time.time()
    return function(), time.time() - start


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


def _report(stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(Step(stage, step, steps, psnr_db)) + b"\n")
    sys.stdout.buffer.flush()
