"""The part of each stream that does not serve its main purpose, by the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from matplotlib.figure import Figure

from ...analysis.comparable import ComparableSet, RecordedCell
from .picture import QUIET, TEXT, Picture, dress, more_room, new_figure

COLOURS = ("#3b4f81", "#7fa8c9", "#d8b365", "#8c6bb1", "#5aae8f", "#b8626f", "#9a9a9a")
"""The colours of purposes. None of them is the colour of a codec."""


def overhead_picture(group: ComparableSet) -> list[Picture]:
    """One picture; none if each stream has only one purpose."""
    rows = ledgers(group)
    if not any(len(ledger) > 1 for _, ledger in rows):
        return []
    return [
        Picture(
            figure=draw(group, rows),
            name=f"{group.slug}-overhead",
            caption=f"What a stream holds besides its main purpose: {group.dataset}, {group.stamp}. Each codec's "
            "smallest and largest rate point, all sequences and seeds together.",
            alt=" ".join(f"{name}: {_outcome(ledger)}." for name, ledger in rows),
            wide=False,
        )
    ]


def ledgers(group: ComparableSet) -> list[tuple[str, Counter[str]]]:
    """(codec and rate, bytes by purpose) at the lowest and at the highest rate of each codec."""
    rows = []
    for label in group.codecs:
        points: dict[str, list[RecordedCell]] = defaultdict(list)
        for cell in group.measured:
            if cell.label == label:
                points[cell.rate_point].append(cell)
        order = sorted(points, key=lambda point: _mean_rate(points[point]))
        for point in dict.fromkeys([*order[:1], *order[-1:]]):
            total: Counter[str] = Counter()
            for cell in points[point]:
                if cell.record.stream:
                    total.update({purpose: size for purpose, size in cell.record.stream.ledger.items() if size})
            rows.append((f"{label} {_mean_rate(points[point]):.3g} bpp", total))
    return rows


def _mean_rate(cells: Sequence[RecordedCell]) -> float:
    return sum(cell.bits_per_pixel for cell in cells) / len(cells)


def draw(group: ComparableSet, rows: Sequence[tuple[str, Counter[str]]]) -> Figure:
    """A bar for each row, with all purposes except the largest."""
    more = more_room([name for name, _ in rows], 7.5, 3.0)
    figure = new_figure(group, "bytes that are not the main purpose", 5.4 + more, 0.24 * len(rows) + 1.9)
    axes = figure.subplots()
    purposes = list(dict.fromkeys(purpose for _, ledger in rows for purpose in _rest(ledger)))
    for place, (_, ledger) in enumerate(rows):
        left = 0.0
        for purpose in _rest(ledger):
            share = 100 * ledger[purpose] / ledger.total()
            number = purposes.index(purpose) % len(COLOURS)
            name = purpose.replace("_", " ")
            axes.barh(
                place,
                share,
                0.7,
                left,
                color=COLOURS[number],
                lw=0,
                label=name,
            )
            left += share
        axes.annotate(
            f"{left:.1f} %", (left, place), (3, 0), textcoords="offset points", va="center", fontsize=7, color=TEXT
        )
    dress(axes)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=7.5)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("percent of the stream", fontsize=9)
    axes.margins(x=0.12)
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(
        named.values(), named.keys(), loc="outside lower center", ncols=4, fontsize=8, frameon=False, labelcolor=QUIET
    )
    return figure


def _rest(ledger: Counter[str]) -> list[str]:
    """All purposes except the one with the most bytes."""
    return [purpose for purpose, _ in ledger.most_common()[1:]]


def _outcome(ledger: Counter[str]) -> str:
    parts = [f"{purpose.replace('_', ' ')} {100 * size / ledger.total():.1f} %" for purpose, size in ledger.items()]
    return ", ".join(parts)
