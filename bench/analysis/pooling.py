"""One value for the many of a clip's frames: beside the mean, what the worst frames have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pooled:
    """Of a metric that has a value in each frame. ``percentile_5`` is the value that 5 % of the frames fall below,
    interpolated between frames."""

    mean: float
    harmonic_mean: float
    percentile_5: float
    percentile_1: float
    minimum: float


def pooled(values: Sequence[float | None]) -> Pooled | None:
    """The values of the frames that have one, pooled; None if there is none.

    The harmonic mean is libvmaf's, of the values plus one, less one, so that a value of 0 is allowed.

    >>> pooled([None, 0.0, 1.0]).harmonic_mean  # 2 / (1/1 + 1/2) - 1
    0.33333333333333326
    """
    known = np.array([value for value in values if value is not None], np.float64)
    if not known.size:
        return None
    one, five = np.percentile(known, (1, 5))
    harmonic = len(known) / np.sum(1 / (known + 1)) - 1 if known.min() > -1 else float("nan")
    return Pooled(float(known.mean()), float(harmonic), float(five), float(one), float(known.min()))
