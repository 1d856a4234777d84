"""Choosing levels: never a worse bargain, and never a worse path than the best."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.codecs.inr.weights import deepcabac
from bench.codecs.inr.weights.deepcabac import NEXT_STATE, Levels, choose_rates, code_length
from bench.codecs.inr.weights.quantise import HIGH_RATE_SLOPE, Values, nearest, rate_distortion
from bench.codecs.inr.weights.trellis import dependent, reconstruct

ONE = np.ones(1, np.float32)


def values_of(seed: int, size: int, scale: float) -> Values:
    """Laplacian."""
    return np.random.default_rng(seed).laplace(0, scale, size).astype(np.float32)


def cost(values: Values, importance: Values, levels: Levels, slope: float, rates: int) -> float:
    """D + slope * R."""
    distortion = float((importance * (values.astype(np.float64) - levels) ** 2).sum())
    return distortion + slope * code_length(levels, False, rates)


@given(st.integers(0, 99), st.integers(1, 3000), st.floats(-3, 6), st.floats(0, 3))
@settings(max_examples=200, deadline=None)
def test_rdoq_is_never_worse_than_rounding(seed: int, size: int, octaves: float, slope: float) -> None:
    """In D + slope * R, whatever the weights' importance."""
    values = values_of(seed, size, 2**octaves)
    importance = np.random.default_rng(seed + 1).exponential(1, size).astype(np.float32)
    rates = choose_rates(nearest(values), False)
    ours = cost(values, importance, rate_distortion(values, importance, slope), slope, rates)
    assert ours <= cost(values, importance, nearest(values), slope, rates) * (1 + 1e-6)


@pytest.mark.parametrize(("scale", "gain"), [(0.5, 0.05), (1.0, 0.01), (3.0, 0.001)])
def test_rdoq_pays_where_zeros_are_cheap(scale: float, gain: float) -> None:
    """At a high-rate slope, by at least this share of D + slope * R."""
    values = values_of(2, 50_000, scale)
    plain = nearest(values)
    rates = choose_rates(plain, False)
    ours = cost(values, ONE, rate_distortion(values, ONE, HIGH_RATE_SLOPE), HIGH_RATE_SLOPE, rates)
    assert ours < (1 - gain) * cost(values, ONE, plain, HIGH_RATE_SLOPE, rates)


def test_no_slope_no_change() -> None:
    """Bits that cost nothing leave every level the nearest, half-way cases even."""
    values = np.array([[0.5, -1.5, 2.4], [-0.2, 7.6, 1e12]], np.float32)
    assert rate_distortion(values, ONE, 0).tolist() == nearest(values).tolist()
    assert nearest(values).tolist() == [[0, -2, 2], [0, 8, 2**31 - 1]]


@pytest.mark.parametrize("seed", range(8))
def test_the_trellis_finds_the_best_path(seed: int) -> None:
    """Where bits are free: by trying all sequences of five levels around the values."""
    values = values_of(seed, 5, 2.0)
    ours = float(((values - reconstruct(dependent(values, ONE, 0))) ** 2).sum())
    choices = [range(int(np.floor(v / 2)) - 1, int(np.ceil(v / 2)) + 2) for v in values]
    best = min(
        float(((values - reconstruct(np.array(levels, np.int32))) ** 2).sum()) for levels in itertools.product(*choices)
    )
    assert ours == pytest.approx(best, rel=1e-5)


@given(st.integers(0, 99), st.integers(0, 3000), st.floats(-2, 8))
@settings(max_examples=50, deadline=None)
def test_what_dependent_levels_stand_for(seed: int, size: int, octaves: float) -> None:
    """As the definition says, state by state, and never far from the value."""
    values = values_of(seed, size, 2**octaves)
    levels = dependent(values, ONE, 0)
    state, expected = 0, []
    for k in levels.tolist():
        expected.append(2 * k - (state % 2) * ((k > 0) - (k < 0)))
        state = int(NEXT_STATE[state, k % 2])
    assert reconstruct(levels).tolist() == expected
    assert np.abs(values - np.array(expected)).max(initial=0) <= 2.0001


@pytest.mark.parametrize(("scale", "saving"), [(20.0, 0.02), (4.0, 0.03), (1.0, 0.04)])
def test_a_trellis_saves_bytes_at_equal_error(scale: float, saving: float) -> None:
    """At least what Kirchhoffer et al. report, 2 to 5 %, with steps that give the same error."""
    values = values_of(9, 60_000, scale)
    slope = 0.3 * HIGH_RATE_SLOPE

    def scalar(step: float) -> tuple[float, int]:
        levels = rate_distortion((values / step).astype(np.float32), ONE, slope)
        return float(((levels * step - values) ** 2).mean()), len(deepcabac.encode([levels], False))

    def trellis(step: float) -> tuple[float, int]:
        levels = dependent((values / step).astype(np.float32), ONE, slope)
        return float(((reconstruct(levels) * step - values) ** 2).mean()), len(deepcabac.encode([levels], True))

    error, size = scalar(1.0)
    low, high = 0.3, 1.0
    for _ in range(20):
        step = (low + high) / 2
        low, high = (step, high) if trellis(step)[0] < error else (low, step)
    assert trellis(low)[0] <= error
    assert trellis(low)[1] < (1 - saving) * size
