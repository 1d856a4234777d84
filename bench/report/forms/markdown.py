"""A report as Markdown: all of it for the file, the main things for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..content import Content, Section
from ..tables.table import Table

NO_BD_RATES = "No BD-rates: they need nerv or x265, or another anchor, and another codec beside it."


@dataclass(frozen=True)
class Limits:
    """The most rows of a table and the most facts of a list that are written. The rest is in the report's files."""

    table: int
    facts: int


PAGE = Limits(table=100, facts=50)
SCREEN = Limits(table=40, facts=10)


def render(content: Content) -> str:
    """The whole report as Markdown."""
    return _join(content, content.paper, lambda section: [*section.results, section.status], PAGE)


def brief(content: Content) -> str:
    """The main things for a terminal: what failed, what stands beside the paper, BD-rates, and rate and quality.
    The paper's figures are left out where none of ours stands beside them."""
    return _join(
        content,
        content.paper if content.beside_paper else None,
        lambda section: [*section.rates, section.status],
        SCREEN,
    )


def _join(content: Content, paper: Table | None, chosen: Callable[[Section], list[Table]], limits: Limits) -> str:
    blocks = ["# Benchmark report", f"{content.summary}."]
    if content.problems:
        blocks += ["## Cells without a result", *[table_text(problems, limits) for problems in content.problems]]
    beside = ["## Beside the paper", table_text(paper, limits)] if paper else []
    blocks += beside if content.beside_paper else []
    for section in content.sections:
        blocks += _opening(section)
        blocks += [table_text(section.bd_rates, limits) if section.bd_rates else NO_BD_RATES]
        blocks += [table_text(results, limits) for results in chosen(section)]
    blocks += [] if content.beside_paper else beside
    blocks += ["## Provenance", table_text(content.machines, limits)]
    blocks += [_facts(name, values, limits) for name, values in content.provenance.items()]
    return "\n\n".join(blocks) + "\n"


def _opening(section: Section) -> list[str]:
    blocks = [f"## {section.group.title}"]
    if section.group.warned:
        blocks.append(f"**{_sentence(section.group.stamp)}**")
    return [*blocks, section.source_note] if section.source_note else blocks


def table_text(table: Table, limits: Limits = PAGE) -> str:
    """The table as Markdown: caption, aligned columns, notes. In place of a long table stand its summary and the
    name of the file that holds it."""
    if len(table.data) > limits.table:
        short = table_text(table.summary, limits) if table.summary else f"**{table.caption}**"
        where = f"{len(table.data):,} rows, whose values are in tables/{table.name}.csv." if table.name else ""
        return f"{short}\n\n{where}".rstrip()
    lines = [table.headings(), *table.rows()]
    cells = [[_cell(text) for text in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = table.numeric()
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    rows = [_line(cells[0], widths, numeric), f"| {' | '.join(rule)} |"]
    rows += [_line(row, widths, numeric) for row in cells[1:]]
    return "\n\n".join(filter(None, [f"**{table.caption}**", "\n".join(rows), "\n".join(table.notes)]))


def _cell(text: str) -> str:
    """The text on one line, without characters that would end the cell."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()).replace("|", "\\|")


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        text.rjust(width) if right else text.ljust(width)
        for text, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _facts(name: str, values: Sequence[str], limits: Limits) -> str:
    lines = [f"- {value}" for value in values[: limits.facts]]
    if len(values) > limits.facts:
        lines.append(f"- and {len(values) - limits.facts} more: manifest.json")
    return f"**{name}**\n\n" + "\n".join(lines)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
