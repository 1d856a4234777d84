"""The bootstrap: how far a mean would move if other sequences had been chosen, or other seeds."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0

Array = NDArray[np.float64]


def mean_interval(groups: Sequence[Array], level: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of the mean over groups of each group's mean.

    A group is a matrix (anchor's seeds, codec's seeds). Groups are resampled, and within each its rows
    and its columns, independently: two trainings are two samples, however many pairs they make. The
    same groups always give the same interval. None where there is but one value, which says nothing.
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.)

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
    """Of each resampled group, (RESAMPLES,)."""
    rows, columns = group.shape
    means: Array = np.sum((_weights(rows, 1, place) @ group) * _weights(columns, 2, place), axis=-1)
    return means


@functools.lru_cache(maxsize=1024)
def _weights(count: int, role: int, place: int) -> Array:
    """How often each of ``count`` samples is drawn, over ``count``: (RESAMPLES, count)."""
    if count == 1:
        return np.ones((RESAMPLES, 1))
    rng = np.random.default_rng([SEED, role, place])
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES) / count
