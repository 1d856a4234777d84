"""BD-PSNR: how many dB more a codec gives than an anchor at the same rate, on average.

It is the counterpart of `bd_rate`: each curve is interpolated by pchip as quality over ln(rate), and the
gap between them is averaged over the rates that both curves reach (Bjøntegaard, VCEG-M33). It refuses
what `bd_rate` refuses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import PchipInterpolator

from .bd_rate import MIN_OVERLAP, MIN_POINTS, Points


@dataclass(frozen=True)
class BDPSNR:
    """``value`` is in dB, and positive where the test codec is better. It is None if it was refused, and then
    ``reason`` says why. ``overlap`` is the part of the smaller range of ln(rate) that both curves cover, 0 to 1."""

    value: float | None = None
    reason: str | None = None
    overlap: float | None = None


def bd_psnr(anchor: Points, test: Points) -> BDPSNR:
    """The BD-PSNR of ``test`` against ``anchor``, or the reason why there is none.

    >>> anchor = [(1.0, 30.0), (2.0, 33.0), (4.0, 36.0), (8.0, 39.0)]
    >>> round(bd_psnr(anchor, [(rate, quality + 0.5) for rate, quality in anchor]).value, 6)
    0.5
    """
    anchor, test = sorted(anchor), sorted(test)
    reason = _unusable(anchor, "anchor") or _unusable(test, "test")
    if reason:
        return BDPSNR(reason=reason)
    low, high = (math.log(pick(anchor[end][0], test[end][0])) for pick, end in ((max, 0), (min, -1)))
    overlap = max(0.0, high - low) / min(math.log(curve[-1][0] / curve[0][0]) for curve in (anchor, test))
    if overlap < MIN_OVERLAP:
        reason = f"rates overlap by {overlap:.2f}; {MIN_OVERLAP} is needed" if overlap else "the curves share no rate"
        return BDPSNR(reason=reason, overlap=overlap)

    def area(curve: Points) -> float:
        """The integral of quality over ln(rate)."""
        rate, quality = np.array(curve, np.float64).T
        return float(PchipInterpolator(np.log(rate), quality).integrate(low, high))

    return BDPSNR(value=(area(test) - area(anchor)) / (high - low), overlap=overlap)


def _unusable(curve: Points, name: str) -> str | None:
    """The reason why a sorted curve gives no BD-PSNR; None if it can give one."""
    if any(not (math.isfinite(rate) and math.isfinite(quality) and rate > 0) for rate, quality in curve):
        return f"the {name} curve has a point without a place on a log-rate axis"
    if len(curve) < MIN_POINTS:
        return f"the {name} curve has {len(curve)} points; {MIN_POINTS} are needed"
    for before, after in pairwise(curve):
        if after[0] == before[0] or after[1] <= before[1]:
            return f"quality on the {name} curve does not rise from rate {before[0]:.5g} to {after[0]:.5g}"
    return None
