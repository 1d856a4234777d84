"""The line that every benchmark begins with: where its figures were measured."""

from __future__ import annotations

from bench.records import environment


def print_machine() -> None:
    facts = environment.describe()
    print(f"{facts.cpu}, {facts.cores} cores, GPU: {facts.gpu or 'none'}, torch {facts.packages['torch']}\n")
