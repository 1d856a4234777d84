"""One value for the many of a clip's frames."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.pooling import pooled

VALUES = st.lists(st.floats(0, 100), min_size=1, max_size=300)


@given(VALUES)
def test_order_of_pools(values: list[float]) -> None:
    """The worst frame is no better than 1 % of them, and so on; the harmonic mean is no larger than the mean."""
    result = pooled(values)
    assert result is not None
    close = 1e-9
    assert result.minimum <= result.percentile_1 + close
    assert result.percentile_1 <= result.percentile_5 + close
    assert result.harmonic_mean <= result.mean + close
    assert result.mean == pytest.approx(statistics.fmean(values))
    assert result.minimum == min(values)


@given(VALUES)
def test_harmonic_mean_is_the_definition(values: list[float]) -> None:
    """By the standard library."""
    result = pooled(values)
    assert result is not None
    assert result.harmonic_mean == pytest.approx(statistics.harmonic_mean([v + 1 for v in values]) - 1, abs=1e-9)


def test_percentiles_of_a_ramp() -> None:
    """Of 0 to 100, the 5th percentile is 5 and the 1st is 1. A frame without a value does not count."""
    result = pooled([None, *map(float, range(101)), None])
    assert result is not None
    assert (result.percentile_5, result.percentile_1) == (5, 1)


def test_no_values() -> None:
    """No pools."""
    assert pooled([]) is None
    assert pooled([None, None]) is None
