"""Whether sizes and qualities lie within the tolerance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..records.record import Record
from .finding import Finding, Verdict
from .points import MatchedPoint
from .quantity import QUANTITIES, Quantity, mean
from .tolerance import FLOOR, STANDARD, Allowance, Spread, Tolerance, allowance, pooled_spread

ACCEPT = "accept it with --update"
"""What to do about a change that is meant."""

Spreads = Mapping[tuple[str, str], Spread | None]
"""(curve, name of a quantity) to how far the baseline's seeds lie apart on that curve."""


@dataclass(frozen=True)
class Limits:
    """What differences are allowed. ``trained`` is for networks of which the baseline has one seed; ``comparisons`` is
    how many differences of networks are looked at."""

    trained: Tolerance
    spreads: Spreads
    comparisons: int

    def allowed(self, point: MatchedPoint, seen: int, new: int, quantity: Quantity) -> Allowance:
        """The largest difference of a quantity between the means of ``seen`` seeds and of ``new`` ones."""
        if point.example.codec.family == "standard":
            return Allowance(quantity.part(STANDARD), "stated")
        spread = self.spreads[point.curve, quantity.name]
        return allowance(quantity.part(self.trained), quantity.part(FLOOR), spread, seen, new, self.comparisons)


def seed_spreads(points: Iterable[MatchedPoint]) -> dict[tuple[str, str], Spread | None]:
    """How far seeds of the baseline lie apart, pooled over the rate points of each curve of an implicit codec:
    relative to their mean for what is held to percents."""
    groups: dict[tuple[str, str], list[list[float]]] = {}
    for point in points:
        if point.example.codec.family == "implicit":
            for quantity in QUANTITIES:
                values = quantity.known(point.measured)
                scale = 100 / mean(values) if values and quantity.relative else 1.0
                group = [value * scale for value in values]
                groups.setdefault((point.curve, quantity.name), []).append(group)
    return {key: pooled_spread(values) for key, values in groups.items()}


def numeric_findings(
    subject: str,
    bases: Sequence[Record],
    news: Sequence[Record],
    quantities: Iterable[Quantity],
    allowed: Callable[[Quantity], Allowance],
    why: str,
    either_way: bool = False,
) -> Iterator[Finding]:
    """A finding for each quantity whose mean is further from the baseline's than allowed: a regression for the worse,
    and a note for the better unless neither way is allowed."""
    for quantity in quantities:
        before, after = (quantity.known(records) for records in (bases, news))
        if not before:
            continue
        if not after:
            message = f"{quantity.name} is known in the baseline and not any more."
            yield Finding(subject, "numeric", "regression", message)
            continue
        old, now, limit = mean(before), mean(after), allowed(quantity)
        difference = quantity.difference(old, now)
        if abs(difference) <= limit.largest:
            continue
        better = (difference > 0) == quantity.rises and not math.isnan(difference)
        verdict: Verdict = "note" if better and not either_way else "regression"
        whose = "the baseline's" if len(before) == 1 else f"the mean of the baseline's {len(before)} seeds,"
        of_seeds = f" (mean of {len(after)} seeds)" if len(after) > 1 else ""
        tolerance = quantity.signed(limit.largest).lstrip("+")
        basis = " by the spread of its seeds" if limit.source == "seeds" else ""
        word = f"An improvement ({ACCEPT}): " if verdict == "note" else ""
        change = quantity.change(old, now, whose)
        message = f"{word}{quantity.name}{of_seeds} is {change}; {tolerance} is allowed{basis} ({why})."
        yield Finding(subject, "numeric", verdict, message)
