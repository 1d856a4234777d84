"""Codecs at one rate: for each the point nearest to a rate that most of them come near to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .comparable import ComparableSet, RecordedCell

TOLERANCE = 1.25
"""The factor by which a point's rate may be off the common one. At 3 dB a doubling of rate it is worth 1 dB, and
between two codecs up to twice that: captions say how far off each is."""
CANDIDATES = 2048


@dataclass(frozen=True)
class Match:
    """A codec's point, and the factor between its rate and the common one."""

    cell: RecordedCell
    factor: float

    @property
    def off(self) -> str:
        """How far off the common rate, as ``+8 %``."""
        return f"{100 * (self.factor - 1):+.0f} %"


@dataclass(frozen=True)
class Matched:
    """The codecs of a section on one sequence at one rate, in bits per pixel. ``refused`` says of each
    codec without a point near enough how far off its nearest one is."""

    sequence: str
    rate: float
    matches: list[Match]
    refused: dict[str, str]

    @property
    def note(self) -> str:
        """What a caption says about rates."""
        off = ", ".join(f"{match.cell.label} {match.off}" for match in self.matches)
        parts = [f"{self.sequence} at {self.rate:.3g} bits per pixel, give or take: {off}"]
        parts += [f"{label} is left out: {reason}" for label, reason in self.refused.items()]
        return "; ".join(parts) + "."


def matched(group: ComparableSet, sequence: str) -> Matched | None:
    """The codecs on ``sequence`` at the rate where most are within `TOLERANCE`, and of such rates the one with
    the smallest mean distance. Of several seeds, the lowest. None without a single point."""
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
        match = Match(cells[label][best], math.exp(logs[label][best] - common))
        if abs(math.log(match.factor)) <= math.log(TOLERANCE):
            matches.append(match)
        else:
            refused[label] = f"its nearest point is off by {match.off}"
    return Matched(sequence, math.exp(common), matches, refused)
