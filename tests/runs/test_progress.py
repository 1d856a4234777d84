"""What a run shows, on a terminal and elsewhere."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from bench.records.record import Record
from bench.runs import progress
from bench.runs.cell import start_record
from bench.runs.plan import PlannedCell
from bench.runs.progress import LiveDisplay, PlainDisplay, summarise


@pytest.fixture
def failed(make_cell: Callable[..., PlannedCell]) -> Record:
    """A record with a reason."""
    return dataclasses.replace(start_record(make_cell("raw")), status="failed", reason="CodecError: it [b]broke[/b]")


def test_a_terminal_keeps_one_whole_line_for_each_finished_cell(failed: Record) -> None:
    """PlannedCell and outcome stand in one line, brackets as they are."""
    out = io.StringIO()
    with LiveDisplay(Console(file=out, force_terminal=True, width=120)) as display:
        line = display.begin("[3/7] bunny/bunny nerv")
        line.step("training", 10, 20, 21.5)
        line.end(summarise(failed), failed.status)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert any("[3/7] bunny/bunny nerv: " in line and "it [b]broke[/b]" in line for line in text.splitlines())


def test_plain_lines_say_stage_step_quality_and_time_left(failed: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one line every ten seconds, without control characters."""
    now = iter([0.0, 5.0, 12.0, 15.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    out = io.StringIO()
    line = PlainDisplay(Console(file=out, width=120)).begin("[1/2] bunny/bunny nerv")
    line.step("training", 50, 1000, 18.0)
    line.step("training", 120, 1000, 21.25)
    line.step("training", 150, 1000, 22.0)
    line.end(summarise(failed), failed.status)
    assert out.getvalue().splitlines() == [
        "[1/2] bunny/bunny nerv: training 120/1000, 21.25 dB, 88 s left",
        "[1/2] bunny/bunny nerv: failed: CodecError: it [b]broke[/b]",
    ]


def test_time_left_counts_from_where_a_resumed_training_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from its first step: 100 of the last 1000 steps in 20 seconds leave 180 seconds."""
    now = iter([0.0, 1.0, 21.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    out = io.StringIO()
    line = PlainDisplay(Console(file=out, width=120)).begin("[1/1] nerv")
    line.step("training", 9000, 10000)
    line.step("training", 9100, 10000)
    assert out.getvalue() == "[1/1] nerv: training 9100/10000, 180 s left\n"


def test_a_live_display_begins_a_resumed_training_where_it_is() -> None:
    """So that rich does not take the steps of an earlier process for this one's."""
    display = LiveDisplay(Console(file=io.StringIO(), force_terminal=True, width=120))
    display.begin("[1/1] nerv").step("training", 9000, 10000)
    (task,) = display.progress.tasks
    assert (task.completed, task.speed) == (9000, None)
