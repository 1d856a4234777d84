"""The findings for people: in a terminal, and as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from .finding import Finding, Kind, Verdict

LIMIT = 100
"""The most rows that are shown; the JUnit file has all."""

SEVERITY: tuple[Verdict, ...] = ("regression", "incomparable", "warning", "note", "fine")


def summary(findings: Sequence[Finding]) -> str:
    """How many findings there are of each class and verdict, on one line.

    >>> summary([Finding("bunny/bunny x265", "exact", "fine", ""), Finding("bunny/bunny x264", "exact", "fine", "")])
    'exact: 2 fine'
    """
    counts = Counter((finding.kind, finding.verdict) for finding in findings)
    kinds = []
    for kind in get_args(Kind):
        words = [f"{counts[kind, verdict]} {verdict}" for verdict in SEVERITY if counts[kind, verdict]]
        if words:
            kinds.append(f"{kind}: {', '.join(words)}")
    return "; ".join(kinds) or "nothing was checked"


def shown(findings: Iterable[Finding]) -> list[Finding]:
    """What is not fine, the worst first; everything where all is fine."""
    ordered = sorted(findings, key=lambda finding: SEVERITY.index(finding.verdict))
    return [finding for finding in ordered if finding.verdict != "fine"] or ordered


def table(findings: Sequence[Finding]) -> str:
    """The findings that are shown, in aligned columns, and the summary."""
    rows = shown(findings)
    cells = [(row.verdict, row.kind, row.subject) for row in rows[:LIMIT]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([*(text.ljust(width) for text, width in zip(cell, widths, strict=True)), one_line(row.message)])
        for cell, row in zip(cells, rows, strict=False)
    ]
    return "\n".join([*lines, *_more(rows), summary(findings)])


def markdown(findings: Sequence[Finding], title: str) -> str:
    """The same as Markdown, under a heading."""
    rows = shown(findings)
    lines = ["| verdict | class | cell or curve | what was found |", "|---|---|---|---|"]
    lines += [f"| {row.verdict} | {row.kind} | {_cell(row.subject)} | {_cell(row.message)} |" for row in rows[:LIMIT]]
    return "\n\n".join([f"## {title}", summary(findings) + ".", "\n".join(lines if rows else []), *_more(rows)]) + "\n"


def one_line(text: str) -> str:
    """The text without breaks, which codecs' own messages may have."""
    return " ".join(text.split())


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")


def _more(rows: Sequence[Finding]) -> list[str]:
    return [f"and {len(rows) - LIMIT:,} more, which the file of --junit has"] if len(rows) > LIMIT else []
