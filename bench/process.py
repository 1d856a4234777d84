"""A codec's work in a process of its own: a crash, a hang or a leak there harms nothing here.

The child gets a folder with ``task.json`` and leaves ``result.json`` there. What it prints on
standard output is progress, a JSON object a line; standard error goes to a log.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from . import errors, store
from .codec import Progress, Stopwatch
from .errors import BenchError, CellError, CellTimeoutError
from .measure.memory import peak_memory_bytes
from .record import Cost

R = TypeVar("R")
_PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)


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
class Outcome:
    """What a child leaves: its result, what it cost, or why it failed."""

    result: Any = None
    seconds: dict[str, float] = field(default_factory=dict)
    overhead_seconds: float = 0.0
    peak_memory_bytes: int = 0
    failure: Failure | None = None

    def cost(self) -> Cost:
        return Cost(sum(self.seconds.values()), self.seconds, self.overhead_seconds, self.peak_memory_bytes)


def run_process(
    module: str,
    folder: Path,
    task: Any,
    result: type[R],
    *,
    log: Path,
    progress: Progress,
    timeout_seconds: float | None = None,
    hide: frozenset[str] = frozenset(),
) -> tuple[R, Cost]:
    """Run ``python -m module`` in ``folder`` on ``task`` and return its result and what it cost.

    Environment variables named in ``hide`` are kept from it. Raises the child's own error,
    `CellTimeoutError` after ``timeout_seconds``, or `CellError` if it crashed.
    """
    store.write_json(folder / "task.json", task)
    environment = {name: value for name, value in os.environ.items() if name not in hide}
    paths = [_PACKAGE_PARENT, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "BENCH_STARTED": repr(time.time())}
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
        expired = _follow(child, progress, timeout_seconds)
    if expired:
        raise CellTimeoutError(f"{module} was stopped after {timeout_seconds:g} s. Allow more with --timeout.")
    path = folder / "result.json"
    if not path.exists():
        raise CellError(f"{module} ended with {_describe(child.returncode)} and no result. Its messages: {log}")
    outcome = store.read_json(path, Outcome)
    if outcome.failure is not None:
        raise getattr(errors, outcome.failure.kind, CellError)(outcome.failure.message)
    try:
        return store.from_builtins(outcome.result, result), outcome.cost()
    except msgspec.ValidationError as error:
        raise CellError(f"{module} returned what is not a {result.__name__}: {error}.") from error


def _follow(child: subprocess.Popen[bytes], progress: Progress, timeout_seconds: float | None) -> bool:
    """Pass on what the child reports until it ends; true if it had to be stopped."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _stop(child)

    timer = threading.Timer(timeout_seconds, expire) if timeout_seconds else None
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
    """End the child and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _describe(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal.Signals(-status).name}"


def serve(work: Callable[[Stopwatch, Progress], Any]) -> None:
    """The child's side: do ``work`` and leave its result, or the error that it raised."""
    started = float(os.environ.get("BENCH_STARTED", time.time()))
    watch = Stopwatch()
    try:
        result = work(watch, _report)
        overhead = time.time() - started - sum(watch.seconds.values())
        outcome = Outcome(result, watch.seconds, overhead, peak_memory_bytes())
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, BenchError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        outcome = Outcome(failure=Failure(type(error).__name__ if known else "CellError", message))
    store.write_json(Path("result.json"), outcome)
    sys.exit(outcome.failure is not None)


def _report(stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(Step(stage, step, steps, psnr_db)) + b"\n")
    sys.stdout.buffer.flush()
