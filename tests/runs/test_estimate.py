"""How long a cell will take, by the records of earlier ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from planted import clip, failed
from planted import record as planted

from bench.codecs.nerv import NeRV
from bench.codecs.x264 import X264
from bench.records.record import Record
from bench.runs.estimate import estimate_seconds


def took(seconds: float | None, codec: X264 | NeRV, width: int = 320, height: int = 180, frames: int = 32) -> Record:
    """A record of a cell that took so long."""
    whole = planted(codec.name, 0.1)
    facts = replace(whole.codec, parameters=codec.parameters())
    return replace(
        whole, codec=facts, clip=clip(width=width, height=height, frames=frames), wall_seconds=seconds, started="x"
    )


FORMAT = clip().yuv.format


@pytest.mark.parametrize(
    ("change", "times"), [({}, 1), ({"frames": 64}, 2), ({"width": 640, "height": 360}, 4), ({"frames": 8}, 0.25)]
)
def test_time_grows_with_the_pixels(change: dict[str, Any], times: float) -> None:
    """Twice the frames take twice the time."""
    estimate = estimate_seconds(X264(crf=30), replace(FORMAT, **change), [took(10, X264(crf=30))])
    assert estimate == pytest.approx(10 * times)


def test_time_grows_with_the_passes_of_training() -> None:
    """Ten times the epochs take ten times as long, and fine-tuning after pruning a third more."""
    records = [took(60, NeRV(epochs=30))]
    assert estimate_seconds(NeRV(epochs=300), FORMAT, records) == pytest.approx(600)
    assert estimate_seconds(NeRV(epochs=30, pruned=0.5), FORMAT, records) == pytest.approx(80)


def test_the_likest_record_counts() -> None:
    """First by parameters, then by the size of the clip."""
    records = [
        took(1, X264(crf=30, preset="ultrafast")),
        took(100, X264(crf=20, preset="veryslow")),
        took(50, X264(crf=30, preset="veryslow"), frames=4),
        took(90, X264(crf=30, preset="veryslow"), frames=30),
    ]
    assert estimate_seconds(X264(crf=30, preset="veryslow"), FORMAT, records) == pytest.approx(90 * 32 / 30)


def test_records_that_tell_nothing() -> None:
    """Of another codec, without a time, or with parameters that the codec no longer takes."""
    foreign = took(5, X264())
    foreign = replace(foreign, codec=replace(foreign.codec, parameters={"crf": "good"}))
    nothing = failed(took(None, X264()), "planted")
    assert estimate_seconds(X264(), FORMAT, [took(5, NeRV()), nothing]) is None
    assert estimate_seconds(X264(), FORMAT, [foreign]) is None


def test_a_cell_that_was_interrupted_counts_by_its_parts() -> None:
    """What its processes took is known; the time in between is not."""
    record = took(None, X264())
    costs = [cost for cost in (record.encode, record.decode, record.decode_one_core) if cost]
    expected = sum(cost.seconds + cost.overhead_seconds for cost in costs)
    assert estimate_seconds(X264(), FORMAT, [record]) == pytest.approx(expected)
