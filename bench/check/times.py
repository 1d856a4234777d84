"""Whether new code is slower than a baseline's code, by the seconds of rounds in which the two took turns.

Seconds vary from run to run, on a shared machine by a multiple. So three things must come together: a rank test that
chance seldom passes (Mann and Whitney's U, one-sided, with Holm's correction for the number of comparisons), a factor
that matters, and a difference that a clock can tell.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.stats import mannwhitneyu

LEVEL = 0.05
"""How often chance may make any of all comparisons significant, where nothing has changed."""
FACTOR = 1.25
"""The least ratio of medians that counts; `results/benchmarks/gate.md` says what it was chosen by."""
LEAST_SECONDS = 0.005
"""The least difference of medians that counts: a system may let a process wait for as long at any time."""
SEEMS_SLOWER = 1.1
"""The ratio of medians from which on it is worth to look again: far less than `FACTOR`, so that noise hides little."""


@dataclass(frozen=True)
class Comparison:
    """Medians over the rounds, the probability ``p`` that equal code comes out like this by chance, already corrected
    for the number of comparisons, and whether the new code is ``slower``."""

    base_seconds: float
    new_seconds: float
    rounds: int
    p: float
    slower: bool

    @property
    def ratio(self) -> float:
        """How many times as long the new code takes; infinity where the baseline's takes no time."""
        return self.new_seconds / self.base_seconds if self.base_seconds else float("inf")

    @property
    def seems_slower(self) -> bool:
        """Whether the medians of a few rounds are far enough apart for more rounds."""
        return self.ratio >= SEEMS_SLOWER and self.new_seconds - self.base_seconds >= LEAST_SECONDS / 2


def slower(base_seconds: Sequence[float], new_seconds: Sequence[float]) -> Comparison:
    """One comparison alone, of at least one round."""
    return compare([(base_seconds, new_seconds)])[0]


def compare(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[Comparison]:
    """A comparison for each pair of the baseline's seconds and the new code's, judged as one family by Holm's method:
    the chance that any of them is called slower, while nothing is, stays below `LEVEL`."""
    alone = [float(mannwhitneyu(new, base, alternative="greater").pvalue) for base, new in pairs]
    return [
        _judge(Comparison(statistics.median(base), statistics.median(new), len(new), p, slower=False))
        for (base, new), p in zip(pairs, holm(alone), strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p-value, corrected for their number by Holm's step-down method."""
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def rounds_needed(comparisons: int) -> int:
    """The fewest rounds with which one of so many comparisons can be significant at all."""
    rounds = 1
    while comparisons * mannwhitneyu(range(rounds, 2 * rounds), range(rounds), alternative="greater").pvalue >= LEVEL:
        rounds += 1
    return rounds


def _judge(comparison: Comparison) -> Comparison:
    beyond = comparison.new_seconds - comparison.base_seconds
    found = comparison.p < LEVEL and comparison.ratio >= FACTOR and beyond >= LEAST_SECONDS
    return replace(comparison, slower=found)
