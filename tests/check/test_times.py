"""Ratios with a rank test: what is called slower, and how seldom equal code is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.check.times import FACTOR, LEAST_SECONDS, LEVEL, compare, holm, rounds_needed, slower

STEADY = [0.100, 0.101, 0.102, 0.103, 0.104, 0.105, 0.106, 0.107]


def times(factor: float, seconds: list[float] = STEADY) -> list[float]:
    """The seconds of work that takes a multiple of the time."""
    return [factor * one for one in seconds]


def test_a_slow_decoder_is_seen() -> None:
    """By its ratio of medians; no pair of rounds is the other way round, so p is one in all ways to draw 8 of 16."""
    found = slower(STEADY, times(2))
    assert found.slower
    assert found.ratio == pytest.approx(2)
    assert (found.base_seconds, found.new_seconds) == pytest.approx((0.1035, 0.207))
    assert found.p == pytest.approx(1 / math.comb(16, 8))


def test_a_fast_decoder_is_not_slow() -> None:
    """The test has one side."""
    found = slower(times(2), STEADY)
    assert not found.slower
    assert found.p > 0.99


@pytest.mark.parametrize("scale", [1, 1000])
def test_each_of_the_three_conditions_is_needed(scale: float) -> None:
    """A difference that is certain but small, one that is large but may be chance, and one of a few milliseconds."""
    certain = slower(times(scale), times(scale * (FACTOR - 0.05)))
    assert certain.p < 0.001
    assert not certain.slower
    assert slower(times(scale), times(scale * (FACTOR + 0.05))).slower
    scattered = [scale * one for one in (0.1, 0.1, 0.1, 0.9, 0.9)]
    chance = slower(scattered, [scale * one for one in (0.1, 0.1, 0.9, 0.9, 0.9)])
    assert chance.ratio == 9
    assert not chance.slower
    short = slower(times(LEAST_SECONDS), times(10 * LEAST_SECONDS))
    assert short.ratio == pytest.approx(10)
    assert short.p < LEVEL
    assert not short.slower


def test_equal_seconds_are_equal() -> None:
    """Also where all are the same number, as those of a coarse clock may be, and where all are nothing."""
    for seconds in ([0.1] * 10, [0.0] * 10):
        found = slower(seconds, seconds)
        assert not found.slower
        assert found.p == 1
        assert not found.seems_slower


def test_what_seems_slower_deserves_a_second_look() -> None:
    """From a tenth on, unless that is no time at all."""
    assert slower(STEADY, times(1.15)).seems_slower
    assert not slower(STEADY, times(1.05)).seems_slower
    assert not slower(times(0.01), times(0.02)).seems_slower


def test_holm_as_published() -> None:
    """The example of the article "Holm–Bonferroni method" in Wikipedia, in which H4 and H1 are rejected at 0.05."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_many_comparisons_ask_for_more_certainty() -> None:
    """What is significant alone is not so among many that show nothing."""
    scattered = (times(1), [*times(1.5)[:5], *times(0.97)[5:]])
    assert slower(*scattered).slower
    assert not any(found.slower for found in compare([scattered, *[(STEADY, STEADY)] * 15]))


def test_equal_code_is_seldom_called_slower() -> None:
    """In 400 checks of 8 comparisons each, of seconds that vary as widely as on a machine with three processes to a
    core, fewer than `LEVEL` raise an alarm."""
    chance = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        seconds = chance.lognormal(math.log(0.1), 0.5, (8, 2, 10))
        alarms += any(found.slower for found in compare([(base.tolist(), new.tolist()) for base, new in seconds]))
    assert alarms / 400 < LEVEL


@pytest.mark.parametrize("comparisons", [1, 2, 16, 200])
def test_rounds_needed_are_just_enough(comparisons: int) -> None:
    """With them, code that is always slower is seen among others that are not; with one round less it is not."""
    needed = rounds_needed(comparisons)

    def seen(rounds: int) -> bool:
        base = [0.1 + place / 1000 for place in range(rounds)]
        return compare([(base, times(10, base)), *[(base, base)] * (comparisons - 1)])[0].slower

    assert seen(needed)
    assert not seen(needed - 1)
