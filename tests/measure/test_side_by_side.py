"""Frames measured in several threads."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure.side_by_side import MOST_WORKERS, side_by_side


def test_items_are_taken_no_faster_than_they_are_worked_on() -> None:
    """In order, and never more than a few ahead."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1, 101):
            taken.append(number)
            yield number

    for number, square in enumerate(side_by_side(lambda n: n * n, items()), 1):
        assert square == number**2
        assert len(taken) <= number + MOST_WORKERS + 1
    assert len(taken) == 100
