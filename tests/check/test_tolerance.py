"""The interval that seeds span, against its own promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.check.tolerance import COVERAGE, Spread, allowance, pooled_spread, prediction_half_width


@pytest.mark.parametrize(("points", "seen", "new"), [(1, 3, 1), (4, 3, 1), (4, 2, 3), (2, 5, 2)])
def test_the_interval_covers_what_it_says(points: int, seen: int, new: int) -> None:
    """Of 20,000 sets of normal trainings, as many means of new ones lie in it as `COVERAGE` says."""
    rng = np.random.default_rng(points)
    inside = []
    for _ in range(20_000):
        seeds = rng.normal(5, 2, (points, seen))
        spread = pooled_spread(seeds.tolist())
        assert spread
        width = prediction_half_width(spread, seen, new)
        inside.append(abs(rng.normal(5, 2, new).mean() - seeds[0].mean()) <= width)
    assert np.mean(inside) == pytest.approx(COVERAGE, abs=4 * math.sqrt(COVERAGE * (1 - COVERAGE) / 20_000))


def test_many_comparisons_together_are_covered() -> None:
    """Ten at once: all of them lie in their intervals in at least the stated part of the checks."""
    rng = np.random.default_rng(0)
    seeds, new = rng.normal(size=(5_000, 10, 3)), rng.normal(size=(5_000, 10))
    widths = [
        [prediction_half_width(Spread(float(deviation), 2), 3, comparisons=10) for deviation in row]
        for row in seeds.std(axis=-1, ddof=1)
    ]
    whole = (np.abs(new - seeds.mean(axis=-1)) <= np.array(widths)).all(axis=-1)
    assert COVERAGE - 0.005 <= whole.mean() < 1


def test_pooling_is_what_an_analysis_of_variance_has() -> None:
    """The mean square within groups."""
    groups = [[1.0, 2.0, 4.0], [10.0, 10.5], [7.0]]
    spread = pooled_spread(groups)
    assert spread
    assert spread.degrees == 3
    within = sum(stats.describe(group).variance * (len(group) - 1) for group in groups[:2])
    assert spread.deviation**2 * 3 == pytest.approx(within)
    assert pooled_spread([[1.0], [2.0], []]) is None


def test_what_is_allowed() -> None:
    """What is stated where there are no seeds, and never less than the floor."""
    assert allowance(30, 2, None, 1, 1, 1).largest == 30
    assert allowance(30, 2, Spread(0.01, 8), 3, 1, 1).largest == 2
    wide = allowance(30, 2, Spread(20, 8), 3, 1, 1)
    assert wide.largest == pytest.approx(stats.t.ppf(0.995, 8) * 20 * math.sqrt(4 / 3))
    assert wide.source == "seeds"
    assert allowance(30, 2, Spread(float("nan"), 2), 3, 1, 1).source == "stated"
