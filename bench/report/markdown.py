"""A report in short, for terminals: what failed, BD-rates, one line a cell."""

from __future__ import annotations

from collections.abc import Sequence

from .content import Content, Part
from .tables import Table

NO_BD_RATES = "No BD-rates: they need nerv or x265 and another codec beside it."


def render(content: Content) -> str:
    """The report as Markdown."""
    blocks = ["# Benchmark report", f"{content.summary}."]
    if content.problems:
        blocks += ["## Cells without a result", *map(table, content.problems)]
    for part in content.parts:
        blocks += _part(part)
    blocks += ["## Provenance", table(content.machines)]
    blocks += [_facts(name, values) for name, values in content.provenance.items()]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> list[str]:
    blocks = [f"## {part.section.title}"]
    if not part.section.preset.full_scale:
        blocks.append(f"**{_sentence(part.section.stamp)}**")
    if part.source_note:
        blocks.append(part.source_note)
    blocks.append(table(part.bd_rates) if part.bd_rates else NO_BD_RATES)
    rates = [table(results) for results in part.results[:1]]
    return [*blocks, *rates, table(part.status)]


def table(content: Table) -> str:
    """Caption, aligned columns, notes."""
    lines = [content.headings(), *content.rows()]
    cells = [[_cell(text) for text in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = content.numeric()
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    rows = [_line(cells[0], widths, numeric), f"| {' | '.join(rule)} |"]
    rows += [_line(row, widths, numeric) for row in cells[1:]]
    return "\n\n".join(filter(None, [f"**{content.caption}**", "\n".join(rows), "\n".join(content.notes)]))


def _cell(text: str) -> str:
    """One line, with nothing that would end the cell."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()).replace("|", "\\|")


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _facts(name: str, values: Sequence[str]) -> str:
    return f"**{name}**\n\n" + "\n".join(f"- {value}" for value in values)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
