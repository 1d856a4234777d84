"""Frame rates from the times of frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bench.video.frame_rate import FrameRate, frame_rate

MILLISECOND = Fraction(1, 1000)
NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    "rate", [Fraction(24), Fraction(25), NTSC, Fraction(60000, 1001), Fraction(120), Fraction(240)]
)
@pytest.mark.parametrize("tick", [MILLISECOND, Fraction(1, 600), Fraction(1, 90000)])
@pytest.mark.parametrize("frames", [2, 7, 3000])
def test_times_that_were_rounded_are_steady(rate: Fraction, tick: Fraction, frames: int) -> None:
    """As Matroska rounds them to milliseconds, and QuickTime to a 600th; in the order of decoding."""
    pts = [round(number / (rate * tick)) for number in range(frames)]
    assert frame_rate(pts[::-1], 0, tick, rate) == FrameRate(rate)


def test_a_rate_that_the_file_states_wrongly_is_mended() -> None:
    """29.97 frames per second that are called 30, a thousand of them: the times are right."""
    pts = [round(number * 1001 / 30) for number in range(1000)]
    found = frame_rate(pts, 33, MILLISECOND, Fraction(30))
    assert found.steady
    assert found.average == pytest.approx(29.97, abs=0.001)


def test_a_missing_frame_makes_the_rate_vary() -> None:
    """One of a thousand, wherever it was: the average is over the whole time."""
    for missing in (1, 500, 998):
        pts = [40 * number for number in range(1000) if number != missing]
        found = frame_rate(pts, 40, MILLISECOND, Fraction(25))
        assert not found.steady
        assert found.average == pytest.approx(999 / 40, abs=0.001)


def test_jitter_of_less_than_a_quarter_is_none() -> None:
    """A camera's clock trembles, but every frame has its place; of half an interval it varies."""
    noise = np.random.default_rng(1).uniform(-1, 1, 300)
    pts = np.arange(300) * 3000.0
    small, large = (np.rint(pts + noise * part * 3000).astype(int).tolist() for part in (0.1, 0.5))
    assert frame_rate(small, 3000, Fraction(1, 90000), Fraction(30)) == FrameRate(Fraction(30))
    assert not frame_rate(large, 3000, Fraction(1, 90000), Fraction(30)).steady


@pytest.mark.parametrize("pts", [[], [40], [0, 0]])
def test_without_times_the_stated_rate_stands(pts: list[int]) -> None:
    """And nothing is said of it."""
    assert frame_rate(pts, 40, MILLISECOND, Fraction(25)) == FrameRate(Fraction(25))


def test_a_guess_of_a_thousand_is_not_believed() -> None:
    """What ffmpeg takes for the rate of a WebM file with varying times."""
    found = frame_rate([0, 10, 200, 210, 1000], 200, MILLISECOND, Fraction(1000))
    assert found == FrameRate((Fraction(5) / Fraction(12, 10)).limit_denominator(1001), steady=False)
