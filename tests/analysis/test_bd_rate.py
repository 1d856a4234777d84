"""BD-rate against another implementation, against its own algebra, and on inputs that have none."""

from __future__ import annotations

import math

import bjontegaard
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.bd_rate import BDRate, Points, bd_rate

ANCHOR = [(1200.0, 32.1), (2300.0, 34.6), (4500.0, 37.0), (8800.0, 39.2)]
TEST = [(1500.0, 32.4), (2800.0, 34.9), (5600.0, 37.3), (11500.0, 39.4)]


def value(anchor: Points, test: Points) -> float:
    """The BD-rate in percent; the test fails if there is none."""
    result = bd_rate(anchor, test)
    assert result.value is not None, result.reason
    return result.value


def reason(anchor: Points, test: Points) -> str:
    """The reason why there is no BD-rate; the test fails if there is one."""
    result = bd_rate(anchor, test)
    assert result.value is None
    assert result.spread is None
    assert result.reason is not None
    return result.reason


@st.composite
def curves(draw: st.DrawFn, first_quality: float = 30.0) -> Points:
    """A strictly rising curve of 4 to 8 points that spans at least 6 dB from ``first_quality``."""
    steps = st.tuples(st.floats(1.1, 3.0), st.floats(2.0, 4.0))
    rate, quality = draw(st.floats(0.01, 10.0)), first_quality
    points = [(rate, quality)]
    for ratio, gain in draw(st.lists(steps, min_size=3, max_size=7)):
        rate, quality = rate * ratio, quality + gain
        points.append((rate, quality))
    return points


def reference(anchor: Points, test: Points, method: str = "pchip") -> float:
    """The same BD-rate by the package ``bjontegaard``."""
    columns = [*zip(*anchor, strict=True), *zip(*test, strict=True)]
    result = bjontegaard.bd_rate(*columns, method=method, require_matching_points=False, min_overlap=0)
    return float(result)


def test_agrees_with_bjontegaard_on_a_classic_case() -> None:
    """The value is pchip's, and the spread reaches over all three interpolations."""
    others = [reference(ANCHOR, TEST, method) for method in ("pchip", "akima", "cubic")]
    result = bd_rate(ANCHOR, TEST)
    assert result.value == pytest.approx(others[0], abs=1e-6)
    assert result.spread == pytest.approx(max(others) - min(others), abs=1e-6)
    assert result.warning is None


def test_the_classic_four_points() -> None:
    """The example in most implementations: 31.380 % by pchip, 31.384 % by Akima, 31.397 % by the cubic."""
    anchor = [(686.76, 40.28), (309.58, 37.18), (157.11, 34.24), (85.95, 31.42)]
    test = [(893.34, 40.39), (407.8, 37.21), (204.93, 34.17), (112.75, 31.24)]
    result = bd_rate(anchor, test)
    assert result.value == pytest.approx(31.380, abs=5e-4)
    assert result.value == pytest.approx(reference(anchor, test), abs=1e-6)
    assert result.spread == pytest.approx(31.397 - 31.380, abs=1e-3)


@pytest.mark.parametrize(
    ("anchor", "test", "expected"),
    [
        (
            [(108048.8736, 43.6471), (61279.976, 40.3953), (33905.6656, 37.247), (18883.6928, 34.2911)],
            [(108061.2784, 43.6768), (61299.9936, 40.4232), (33928.7472, 37.2761), (18910.912, 34.3147)],
            -0.465215420752807,
        ),
        (
            [(40433.8848, 37.5761), (7622.7456, 35.3756), (2394.488, 33.8977), (1017.6184, 32.0603)],
            [(40370.12, 37.5982), (7587.0024, 35.4025), (2390.0944, 33.9194), (1017.0984, 32.0822)],
            -1.8779823450567612,
        ),
    ],
)
def test_worked_examples(anchor: Points, test: Points, expected: float) -> None:
    """Two examples of JCTVC-E137 agree to every digit with libvmaf's tests, which print them as fractions."""
    assert value(anchor, test) == pytest.approx(expected, abs=1e-9)


@given(curves(), curves(first_quality=31.0))
def test_agrees_with_bjontegaard(anchor: Points, test: Points) -> None:
    """Wherever there is a value, it is that of the other implementation."""
    result = bd_rate(anchor, test)
    if result.value is not None:
        assert result.value == pytest.approx(reference(anchor, test), rel=1e-6, abs=1e-6)


@given(curves())
def test_identity(curve: Points) -> None:
    """A codec against itself has a BD-rate of zero and full overlap."""
    assert bd_rate(curve, curve) == BDRate(value=0.0, overlap=1.0, spread=0.0)


@given(curves(), st.floats(0.05, 20.0))
def test_scaled_rate(curve: Points, factor: float) -> None:
    """A codec that needs k times the bits has a BD-rate of k - 1, by every interpolation."""
    result = bd_rate(curve, [(rate * factor, quality) for rate, quality in curve])
    assert result.value == pytest.approx(100 * (factor - 1), rel=1e-9, abs=1e-9)
    assert result.spread == pytest.approx(0, abs=1e-8)


@given(curves(), curves(first_quality=31.0))
def test_swapped(a: Points, b: Points) -> None:
    """Swapping anchor and test inverts the ratio of rates."""
    forth, back = bd_rate(a, b), bd_rate(b, a)
    assert (forth.value is None) == (back.value is None)
    if forth.value is not None and back.value is not None:
        assert back.value == pytest.approx(100 * (1 / (1 + forth.value / 100) - 1), rel=1e-9, abs=1e-9)


@given(st.permutations(TEST))
def test_order_of_points(shuffled: Points) -> None:
    """Points may come in any order."""
    assert bd_rate(ANCHOR, shuffled) == bd_rate(ANCHOR, TEST)


@given(curves(), st.floats(0.001, 1000.0))
def test_unit_of_rate(curve: Points, unit: float) -> None:
    """The BD-rate is the same for rates in bits per pixel and in kbit/s."""
    other = [(rate * 1.3, quality + 0.5) for rate, quality in curve]
    scaled = value([(r * unit, q) for r, q in curve], [(r * unit, q) for r, q in other])
    assert scaled == pytest.approx(value(curve, other), rel=1e-9, abs=1e-9)


def test_sign() -> None:
    """The BD-rate is negative where the codec needs fewer bits than the anchor."""
    assert value(ANCHOR, [(0.9 * rate, quality) for rate, quality in ANCHOR]) == pytest.approx(-10)


def test_too_few_points() -> None:
    """Fewer than four points are refused on either curve."""
    assert reason(ANCHOR, TEST[:3]) == "the test curve has 3 points; 4 are needed"
    assert reason(ANCHOR[1:], TEST) == "the anchor curve has 3 points; 4 are needed"
    assert reason([], TEST) == "the anchor curve has 0 points; 4 are needed"


@pytest.mark.parametrize("point", [(0.0, 40.0), (-1.0, 40.0), (math.nan, 40.0), (99.0, math.inf), (99.0, math.nan)])
def test_impossible_values(point: tuple[float, float]) -> None:
    """A point that has no place on the curve, as a lossless one (infinite PSNR), is named and not dropped."""
    assert "no place on a log-rate axis" in reason(ANCHOR, [*TEST, point])


def test_one_dip() -> None:
    """A curve whose quality falls once is refused, and the reason names the two points. Other libraries give
    2241.7 % (the cubic of ``bjontegaard``) or -5.2 %."""
    dipped = [(1500.0, 32.4), (2800.0, 34.9), (5600.0, 34.8), (11500.0, 39.4)]
    assert reason(ANCHOR, dipped) == (
        "quality on the test curve does not rise from (rate 2800, quality 34.9) to (rate 5600, quality 34.8)"
    )


def test_repeated_point() -> None:
    """A curve whose quality stands still, as VMAF does at 100, is refused."""
    assert "does not rise" in reason(ANCHOR, [*TEST, (20000.0, 39.4)])


def test_saturating_quality() -> None:
    """Where VMAF saturates, the cubic gives absurd values (100421 % in other libraries), and the spread shows it."""
    anchor = [(500.0, 80.0), (1000.0, 92.0), (2000.0, 97.0), (4000.0, 99.2), (8000.0, 99.9), (16000.0, 99.95)]
    test = [(480.0, 80.0), (950.0, 92.1), (1900.0, 97.1), (3900.0, 99.3), (7800.0, 99.93), (15500.0, 99.94)]
    assert value(anchor, test) == pytest.approx(reference(anchor, test), abs=1e-6)
    assert value(anchor, test) == pytest.approx(-5, abs=3)
    assert abs(reference(anchor, test, "akima") - value(anchor, test)) < 1
    assert (bd_rate(anchor, test).spread or 0) > 100


def test_little_overlap() -> None:
    """Two curves of five points that share 24 % of their joint range are refused. Other libraries give -42.3 to
    -44.2 % or -4.2 %, mostly without a warning."""
    anchor = [(1000.0 * 2**step, 30.0 + 2 * step) for step in range(5)]
    test = [(1000.0 * 2**step, 34.9 + 2 * step) for step in range(5)]
    joint = (38.0 - 34.9) / (42.9 - 30.0)
    assert joint == pytest.approx(0.24, abs=1e-3)
    assert reason(anchor, test) == "overlap 0.38; 0.5 is needed"


def test_no_overlap() -> None:
    """Curves that share no quality are refused, also if they touch. Other libraries give -37.5, -10000 or 0.0 %."""
    for offset in (7.1, 100.0):
        assert reason(ANCHOR, [(rate, quality + offset) for rate, quality in ANCHOR]) == "the curves share no quality"


@pytest.mark.parametrize(
    ("shared", "refused", "warned"), [(0.24, True, False), (0.45, True, False), (0.6, False, True), (0.8, False, False)]
)
def test_overlap(shared: float, refused: bool, warned: bool) -> None:
    """An overlap below 0.5 is refused, and one below 0.75 gets a warning."""
    span = ANCHOR[-1][1] - ANCHOR[0][1]
    result = bd_rate(ANCHOR, [(rate, quality + (1 - shared) * span) for rate, quality in ANCHOR])
    assert result.overlap == pytest.approx(shared)
    assert (result.value is None, result.reason is not None) == (refused, refused)
    assert (result.warning is not None) == warned


def test_overlap_is_of_the_smaller_range() -> None:
    """A short curve inside a long one overlaps fully, since all of its range is compared."""
    long = [(2.0**step, 30.0 + 3 * step) for step in range(8)]
    short = [(2.1**step, 36.0 + step) for step in range(4)]
    assert bd_rate(long, short).overlap == pytest.approx(1.0)


def test_nearly_equal_qualities() -> None:
    """Points so close that their slope overflows are refused instead of giving infinity."""
    close = [(1.0, 0.0), (2.0, 5e-324), (3.0, 1e-323), (4.0, 1.5e-323)]
    assert "too close together" in reason(close, close)
