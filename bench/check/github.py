"""What GitHub Actions shows of a check: a page of Markdown, and an annotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import StoreError
from .finding import Finding
from .gate import exit_status
from .table import markdown, one_line, shown, summary

SUMMARY_FILE, ACTIONS = "GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"
"""Environment variables that GitHub sets."""


def append_summary(findings: Sequence[Finding], title: str, environment: Mapping[str, str]) -> None:
    """Append the findings to the file that GitHub names, if it names one. Raises `StoreError`."""
    if name := environment.get(SUMMARY_FILE):
        try:
            with Path(name).open("a", encoding="utf-8", errors="replace") as file:
                file.write(markdown(findings, title))
        except OSError as error:
            raise StoreError(f"Cannot write {name}, which {SUMMARY_FILE} names: {error}.") from error


def annotation(findings: Sequence[Finding], title: str, environment: Mapping[str, str]) -> str | None:
    """The line that makes GitHub show an error beside the run; None outside of GitHub and where nothing is wrong."""
    if not (environment.get(ACTIONS) and exit_status(findings)):
        return None
    worst = shown(findings)[0]
    text = f"{summary(findings)}. The first: {worst.subject}: {one_line(worst.message)}"
    return f"::error title={_escaped(title, ':,')}::{_escaped(text)}"


def _escaped(text: str, also: str = "") -> str:
    """As GitHub reads the data of a command and, with ``also``, its properties.

    >>> _escaped("100 %: a\\nb", ":,")
    '100 %25%3A a%0Ab'
    """
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for character in also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
