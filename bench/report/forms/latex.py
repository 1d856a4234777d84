"""Tables as LaTeX, in the style of booktabs, and a document that holds them all."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from ..content import Content
from ..tables.table import Table

LINES = 38
"""The lines of a page. A longer table becomes several tables."""
LONGEST = 180
"""The most rows of a table on paper. A longer one is in its CSV file only."""
WIDE, WIDTH = 40, "5.6cm"
"""The characters of a line, and the width, in a column whose text is broken into lines."""

Row = Sequence[str]
"""The cells of a row, as printed."""

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # a bracket at the start of a row would be an argument of the line break before it
        "–": "--",
        "…": r"\ldots{}",
    }
)

PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,landscape,margin=1.5cm]{geometry}
\usepackage{lmodern,array,booktabs,adjustbox,makecell,placeins}
\usepackage[font=small]{caption}
\setlength{\emergencystretch}{3em}
\begin{document}
"""


def latex_files(content: Content) -> dict[str, bytes]:
    """``report.tex``, which compiles where it lies, and the tables that it takes from ``tex/``, each a
    ``table`` environment for a paper that loads array, booktabs, makecell and adjustbox."""
    files: dict[str, bytes] = {}
    body = [r"\section*{Benchmark report}", f"{escape(content.summary)}.", ""]
    paper = [r"\section*{Beside the paper}", *_place(content.paper, "paper-table-1", files)] if content.paper else []
    body += paper if content.beside_paper else []
    for section in content.sections:
        body += [rf"\section*{{{escape(section.group.title)}}}"]
        if section.group.warned:
            body += [rf"\textbf{{{escape(section.group.stamp[:1].upper() + section.group.stamp[1:])}.}}", ""]
        if section.source_note:
            body += [escape(section.source_note), ""]
        for table in section.tables():
            body += _place(table, f"{section.group.slug}-{table.name.replace('_', '-')}", files)
    body += [] if content.beside_paper else paper
    body += [r"\section*{Provenance}", *_place(content.machines, "machines", files)]
    files["report.tex"] = "\n".join([PREAMBLE, *body, r"\end{document}", ""]).encode()
    return files


def _place(table: Table, name: str, files: dict[str, bytes]) -> list[str]:
    """The lines that stand for a table in the document. The table's own file is added to ``files``."""
    if len(table.data) > LONGEST and table.summary:
        table = table.summary
    if len(table.data) > LONGEST:
        where = f" They are in tables/{table.name}.csv." if table.name and not table.text else ""
        return [escape(f"{table.caption}: {len(table.data):,} rows, too many for paper.{where}"), ""]
    while f"tex/{name}.tex" in files:
        name = _next(name)
    files[f"tex/{name}.tex"] = latex(table, name).encode()
    return [rf"\input{{tex/{name}}}", r"\FloatBarrier"]


def _next(name: str) -> str:
    """The name of the next file where tables differ only in their machine.

    >>> _next("decoding"), _next("decoding-2")
    ('decoding-2', 'decoding-3')
    """
    match = re.fullmatch(r"(.*[a-z])-(\d+)", name)
    return f"{match[1]}-{int(match[2]) + 1}" if match else f"{name}-2"


def latex(table: Table, label: str) -> str:
    """The table as a ``table`` environment. If it is longer than a page, it becomes several environments, and the
    last one has the notes."""
    rows = table.rows()
    columns = list(zip(table.headings(), *rows, strict=True))
    wide = [any(len(cell) > WIDE or "\n" in cell for cell in column[1:]) for column in columns]
    kinds = [
        "r" if numeric else rf">{{\raggedright\arraybackslash}}p{{{WIDTH}}}" if broken else "l"
        for numeric, broken in zip(table.numeric(), wide, strict=True)
    ]
    pages = list(_pages(rows, wide)) or [[]]
    return "\n".join(
        line for number, page in enumerate(pages, 1) for line in _page(table, page, kinds, label, number, len(pages))
    )


def _pages(rows: Sequence[Row], wide: Sequence[bool]) -> Iterator[list[Row]]:
    """The rows of each page, as many as their lines leave room for."""
    page: list[Row] = []
    taken = 0
    for row in rows:
        cells = [cell for cell, broken in zip(row, wide, strict=True) if broken]
        lines = max((sum(-(-len(line) // WIDE) for line in cell.split("\n")) for cell in cells), default=1)
        if page and taken + lines > LINES:
            yield page
            page, taken = [], 0
        page.append(row)
        taken += lines
    if page:
        yield page


def _page(
    table: Table, rows: Sequence[Row], kinds: Sequence[str], label: str, number: int, count: int
) -> Iterator[str]:
    """The lines of the environment that holds page ``number`` of ``count``."""
    caption = table.caption + (f" ({number} of {count})" if count > 1 else "")
    yield r"\begin{table}[!htbp]"
    yield r"\centering\footnotesize"
    yield rf"\caption{{{escape(caption)}.}}"
    yield rf"\label{{tab:{label}{f'-{number}' if number > 1 else ''}}}"
    yield r"\begin{adjustbox}{max width=\linewidth}"
    yield rf"\begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}"
    yield r"\toprule"
    yield " & ".join(map(_heading, table.headings(), kinds)) + r" \\"
    yield r"\midrule"
    for before, row in zip([*rows[:1], *rows], rows, strict=False):
        if row[0] != before[0]:
            yield r"\addlinespace"
        yield _row(row)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{adjustbox}"
    if number == count and table.notes:
        yield r"\par\medskip\begin{minipage}{\linewidth}\scriptsize"
        yield "\n\n".join(map(escape, table.notes))
        yield r"\end{minipage}"
    yield r"\end{table}"


def _heading(text: str, kind: str) -> str:
    """A heading, broken into lines, above a column of this kind."""
    lines = r" \\ ".join(map(escape, textwrap.wrap(text, 14, break_long_words=False, break_on_hyphens=False)))
    return rf"\makecell[b{kind if kind == 'r' else 'l'}]{{{lines}}}"


def _row(cells: Row) -> str:
    return " & ".join(escape(cell).replace("\n", r"\newline ") for cell in cells) + r" \\"


def escape(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> escape("50 % of res_nerv")
    '50 \\% of res\\_nerv'
    """
    return re.sub(r"(?<!\w)-(?=\d)", "$-$", text.translate(ESCAPES))
