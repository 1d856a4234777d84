"""The bootstrap against scipy's, and on values that have no interval."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.analysis.bootstrap import mean_interval

VALUES = np.array([-31.0, -22.5, -20.0, -12.0, -9.5, -3.0, 4.0])


def test_over_groups_agrees_with_scipy() -> None:
    """On seven sequences with one value each, the interval is that of scipy's percentile bootstrap."""
    expected = stats.bootstrap((VALUES,), np.mean, n_resamples=50_000, method="percentile", rng=1).confidence_interval
    interval = mean_interval([np.array([[value]]) for value in VALUES])
    assert interval == pytest.approx((expected.low, expected.high), abs=0.7)


def test_within_a_group_agrees_with_scipy() -> None:
    """On one sequence with seven seeds on one side, the interval is scipy's, whichever side has the seeds."""
    expected = stats.bootstrap((VALUES,), np.mean, n_resamples=50_000, method="percentile", rng=1).confidence_interval
    for group in (VALUES[np.newaxis], VALUES[:, np.newaxis]):
        assert mean_interval([group]) == pytest.approx((expected.low, expected.high), abs=0.7)


def test_pairs_of_seeds_are_not_independent() -> None:
    """Where two sides of five seeds add up, the mean varies as that of two samples of five, not of one of 25."""
    a, b = np.array([-4.0, -1.0, 0.0, 2.0, 3.0]), np.array([-6.0, -2.0, 0.0, 1.0, 7.0])
    interval = mean_interval([a[:, np.newaxis] + b])
    assert interval is not None
    spread = 1.96 * np.sqrt(a.var() / 5 + b.var() / 5)
    assert interval == pytest.approx((-spread, spread), rel=0.12)


def test_one_value_has_no_interval() -> None:
    """One value cannot be resampled."""
    assert mean_interval([np.array([[3.0]])]) is None


def test_the_same_values_give_the_same_interval() -> None:
    """Neither the time nor chance changes the interval."""
    groups = [VALUES[np.newaxis], VALUES[np.newaxis, ::-1]]
    assert mean_interval(groups) == mean_interval(groups)
