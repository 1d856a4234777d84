"""BD-PSNR against an independent implementation, and on curves whose answer is known by hand."""

from __future__ import annotations

import bjontegaard
import pytest

from bench.analysis.bd_psnr import bd_psnr

ANCHOR = [(0.01, 30.0), (0.02, 32.5), (0.05, 35.0), (0.09, 38.0)]
TEST = [(0.012, 31.0), (0.025, 33.0), (0.04, 35.5), (0.1, 38.5)]


def test_agrees_with_bjontegaard() -> None:
    """On curves that both can take, the value is that of the package ``bjontegaard``."""
    (rates, qualities), (test_rates, test_qualities) = (zip(*curve, strict=True) for curve in (ANCHOR, TEST))
    expected = bjontegaard.bd_psnr(rates, qualities, test_rates, test_qualities, method="pchip", min_overlap=0)
    assert bd_psnr(ANCHOR, TEST).value == pytest.approx(expected, abs=1e-6)


def test_one_is_the_other_reversed() -> None:
    """Swapped curves change the sign; a curve against itself gains nothing."""
    forwards, backwards = bd_psnr(ANCHOR, TEST), bd_psnr(TEST, ANCHOR)
    assert forwards.value == pytest.approx(-(backwards.value or 0))
    assert bd_psnr(ANCHOR, ANCHOR).value == pytest.approx(0)
    assert bd_psnr(ANCHOR, ANCHOR).overlap == pytest.approx(1)


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        (TEST[:3], "the test curve has 3 points; 4 are needed"),
        ([(rate * 100, quality) for rate, quality in TEST], "the curves share no rate"),
        ([(rate * 5, quality) for rate, quality in TEST], "rates overlap by 0.19; 0.5 is needed"),
        ([*TEST[:3], (0.1, 33.0)], "quality on the test curve does not rise from rate 0.04 to 0.1"),
        ([*TEST, (0.1, 39.0)], "quality on the test curve does not rise from rate 0.1 to 0.1"),
        ([(0.0, 20.0), *TEST], "the test curve has a point without a place on a log-rate axis"),
    ],
)
def test_refusals_say_why(test: list[tuple[float, float]], reason: str) -> None:
    """A curve that gives no value gets a reason in its place."""
    assert bd_psnr(ANCHOR, test).reason == reason
    assert bd_psnr(ANCHOR, test).value is None
