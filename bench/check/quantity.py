"""The numbers of a record that are held to a tolerance, and differences of them in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from ..analysis.comparable import METRICS
from ..records.record import Record
from .tolerance import Tolerance


@dataclass(frozen=True)
class Quantity:
    """A number that is held to a tolerance. ``value`` is None where a record lacks it. Differences of a
    ``relative`` one are in percent of the baseline; ``rises`` says that more is better."""

    name: str
    value: Callable[[Record], float | None]
    relative: bool
    rises: bool
    form: str
    unit: str

    def difference(self, base: float, new: float) -> float:
        """From the baseline's value to the new one, in percent or in the quantity's own unit."""
        if base == new:
            return 0.0  # also of two infinite qualities
        return 100 * (new / base - 1) if self.relative else new - base

    def signed(self, difference: float) -> str:
        """A difference with its sign and its unit."""
        return f"{difference:+.2f} %" if self.relative else f"{difference:+.3f} dB"

    def change(self, base: float, new: float, whose: str = "") -> str:
        """The new value, the baseline's, and the difference, in words."""
        old, now = (f"{value:{self.form}}" for value in (base, new))
        difference = self.signed(self.difference(base, new))
        return " ".join(filter(None, [now, self.unit, "against", whose, old, f"({difference})"]))

    def known(self, records: Iterable[Record]) -> list[float]:
        """The values of the records that have one."""
        return [value for record in records if (value := self.value(record)) is not None]

    def part(self, tolerance: Tolerance) -> float:
        """The part of a tolerance that is about this quantity."""
        return tolerance.percent if self.relative else tolerance.decibels


def _size(record: Record) -> float | None:
    return record.stream.size_bytes if record.stream else None


def _quality(metric: str, record: Record) -> float | None:
    return record.quality.clip.get(metric) if record.quality else None


SIZE = Quantity("Size", _size, relative=True, rises=False, form=",.0f", unit="bytes")
QUALITIES = tuple(
    Quantity(name.removesuffix(" (dB)"), partial(_quality, metric), relative=False, rises=True, form=".3f", unit="dB")
    for metric, name in METRICS.items()
)
QUANTITIES = (SIZE, *QUALITIES)


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return math.fsum(values) / len(values)
