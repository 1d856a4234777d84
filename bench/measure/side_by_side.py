"""Frames measured in several threads, few of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..records.cores import cores

T = TypeVar("T")
R = TypeVar("R")
MOST_WORKERS = 4
"""The most frames that are measured at once. Each takes memory."""


def side_by_side(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results of ``function`` for ``items``, in their order, computed in several threads. An item is taken only
    when a thread is about to be free, so that few items are in memory."""
    workers = min(MOST_WORKERS, cores())
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
