"""The bootstrap: how far a mean would move if other sequences or other seeds had been chosen."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
"""The seed of the resampling, so that the same values always give the same interval."""

Array = NDArray[np.float64]


def mean_interval(groups: Sequence[Array], level: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of the mean over the groups' means; None where there is only one value.

    A group is a matrix of shape (anchor's seeds, codec's seeds). The groups are resampled, and within each
    group its rows and its columns, all independently: two trainings are two samples, however many pairs
    they make. (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.)

    >>> mean_interval([np.array([[2.0]])])
    >>> mean_interval([np.array([[2.0]])] * 3)
    (2.0, 2.0)
    """
    if sum(group.size for group in groups) < 2:
        return None
    means = np.stack([_means(group, place) for place, group in enumerate(groups)], axis=-1)
    means = (means * _weights(len(groups), 0, 0)).sum(axis=-1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _means(group: Array, place: int) -> Array:
    """The mean of the group in each resampling, (RESAMPLES,)."""
    rows, columns = group.shape
    means: Array = np.sum((_weights(rows, 1, place) @ group) * _weights(columns, 2, place), axis=-1)
    return means


@functools.lru_cache(maxsize=1024)
def _weights(count: int, role: int, place: int) -> Array:
    """The weight of each of ``count`` samples in each resampling, (RESAMPLES, count): how often the sample is
    drawn, divided by ``count``."""
    if count == 1:
        return np.ones((RESAMPLES, 1))
    rng = np.random.default_rng([SEED, role, place])
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
