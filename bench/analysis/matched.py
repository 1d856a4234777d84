"""Codecs at one rate: of each codec the point nearest to a rate that most of them come near to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .comparable import ComparableSet, RecordedCell

TOLERANCE = 1.25
"""The largest factor between a point's rate and the common rate. Where quality rises by 3 dB with each doubling
of the rate, the factor is worth 1 dB, and between two codecs up to 2 dB: captions say how far off each one is."""
CANDIDATES = 2048
"""How many rates are tried."""


@dataclass(frozen=True)
class MatchedCell:
    """A cell near the common rate. ``factor`` is its rate divided by the common rate."""

    cell: RecordedCell
    factor: float

    @property
    def off(self) -> str:
        """How far the cell's rate is off the common rate, as ``+8 %``."""
        return f"{100 * (self.factor - 1):+.0f} %"


@dataclass(frozen=True)
class RateMatch:
    """The codecs of a comparable set on one sequence at one ``rate``, in bits per pixel. ``refused`` has the
    label of each codec without a point near that rate, and says how far off its nearest point is."""

    sequence: str
    rate: float
    matches: list[MatchedCell]
    refused: dict[str, str]

    @property
    def note(self) -> str:
        """The sentence on rates that stands in a caption."""
        off = ", ".join(f"{match.cell.label} {match.off}" for match in self.matches)
        parts = [f"{self.sequence} at {self.rate:.3g} bits per pixel, give or take: {off}"]
        parts += [f"{label} is left out: {reason}" for label, reason in self.refused.items()]
        return "; ".join(parts) + "."


def match_rate(group: ComparableSet, sequence: str) -> RateMatch | None:
    """The codecs on ``sequence`` at the rate to which most codecs have a point within `TOLERANCE`. Where several
    rates have as many codecs, it is the one with the smallest mean distance. Of several seeds, the lowest
    counts. The result is None where no codec has a point."""
    curves = [curve for curve in group.first_seed if curve.sequence == sequence]
    cells = {curve.label: [cell for cell in curve.cells if cell.bits_per_pixel > 0] for curve in curves}
    logs = {label: np.log([cell.bits_per_pixel for cell in members]) for label, members in cells.items() if members}
    if not logs:
        return None
    every = np.concatenate(list(logs.values()))
    candidates = np.linspace(every.min(), every.max(), CANDIDATES)
    distances = np.array([np.abs(points[:, None] - candidates).min(axis=0) for points in logs.values()])
    near = distances <= math.log(TOLERANCE)
    order = np.lexsort((np.where(near, distances, 0).sum(axis=0), -near.sum(axis=0)))
    common = float(candidates[order[0]])
    matches, refused = [], {}
    for label in (label for label in group.codecs if label in logs):
        best = int(np.abs(logs[label] - common).argmin())
        match = MatchedCell(cells[label][best], math.exp(logs[label][best] - common))
        if abs(math.log(match.factor)) <= math.log(TOLERANCE):
            matches.append(match)
        else:
            refused[label] = f"its nearest point is off by {match.off}"
    return RateMatch(sequence, math.exp(common), matches, refused)
