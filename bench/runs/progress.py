"""What a run shows while it works: a line for each cell, live on a terminal, plain elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ..records.record import Record, Status

PLAIN_EVERY_SECONDS = 10.0


class Line(Protocol):
    """Follows one cell; `bench.codec.Progress` is its `step`."""

    def step(self, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None: ...

    def end(self, outcome: str, status: Status) -> None: ...


class Display(AbstractContextManager["Display"], Protocol):
    """Follows one run, several of whose cells may be in flight at once, each in a thread of its own."""

    def begin(self, cell: str) -> Line: ...


def open_display() -> Display:
    """A live display if standard error is a terminal, else plain lines there."""
    console = Console(stderr=True, highlight=False)
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def summarise(record: Record) -> str:
    """The outcome of a cell in a few words."""
    if record.stream is None or record.quality is None or record.decode is None:
        return f"{record.status}: {record.reason}"
    encoded = f"encoded in {record.encode.seconds:.1f} s" if record.encode else "encoded on another machine"
    return (
        f"{record.stream.size_bytes:,} bytes, {record.stream.bits_per_pixel:.4f} bpp, "
        f"{record.quality.clip['psnr_rgb']:.2f} dB, {encoded}, decoded in {record.decode.seconds:.2f} s"
    )


class PlainDisplay(Display):
    """Lines without control characters, at most one every `PLAIN_EVERY_SECONDS` for each cell."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        return None

    def begin(self, cell: str) -> Line:
        return PlainLine(self.console, cell)


class PlainLine(Line):
    def __init__(self, console: Console, cell: str) -> None:
        self.console, self.cell = console, cell
        self.printed = time.monotonic()
        self.stage: str | None = None
        self.began, self.first_step = 0.0, 0
        """When the stage was first heard of, and at which of its steps: a resumed one begins in its middle."""

    def step(self, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.began, self.first_step = stage, now, step
        if now - self.printed < PLAIN_EVERY_SECONDS or not step:
            return
        self.printed = now
        done = step - self.first_step
        left = f", {(now - self.began) / done * (steps - step):.0f} s left" if done else ""
        quality = "" if psnr_db is None else f", {psnr_db:.2f} dB"
        self._print(f"{self.cell}: {stage} {step}/{steps}{quality}{left}")

    def end(self, outcome: str, status: Status) -> None:
        self._print(f"{self.cell}: {outcome}")

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


class LiveDisplay(Display):
    """A live line for each cell in flight, above them the finished ones."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )

    def __enter__(self) -> LiveDisplay:
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.progress.stop()

    def begin(self, cell: str) -> Line:
        return LiveLine(self.progress, cell)


COLOURS: dict[Status, str] = {"ok": "green", "skipped": "yellow", "failed": "red", "timed_out": "red"}


class LiveLine(Line):
    def __init__(self, progress: Progress, cell: str) -> None:
        self.progress, self.cell = progress, cell
        self.task = progress.add_task(cell, total=None, state="starting")
        self.stage: str | None = None

    def step(self, stage: str, step: int = 0, steps: int = 0, psnr_db: float | None = None) -> None:
        quality = "" if psnr_db is None else f" {psnr_db:.2f} dB"
        counted = f" {step}/{steps}" if steps else ""
        if stage != self.stage:  # so that the time left counts from the step at which this process began
            self.stage = stage
            self.progress.reset(self.task, total=steps or None, completed=step)
        self.progress.update(self.task, completed=step, total=steps or None, state=f"{stage}{counted}{quality}")

    def end(self, outcome: str, status: Status) -> None:
        self.progress.remove_task(self.task)
        self.progress.console.print(Text.assemble(f"{self.cell}: ", (outcome, COLOURS[status])), soft_wrap=True)
