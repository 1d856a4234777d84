"""What people and services are told of findings."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml

from bench.check.finding import Finding
from bench.check.github import annotation, append_summary
from bench.check.junit import write_junit
from bench.check.table import LIMIT, markdown, summary, table
from bench.errors import StoreError

FINE = Finding("bunny/bunny x265 crf=28", "exact", "fine", "The same.")
NOTE = Finding("bunny/bunny x265 crf=28", "numeric", "note", "Better.")
WARNING = Finding("bunny/bunny x265", "time", "warning", "Slower.")
WORSE = Finding("bunny/bunny x264 crf=28", "numeric", "regression", "1 % | more\nof it <b>.")
UNKNOWN = Finding("preset quick", "structure", "incomparable", "Nothing there.")
MIXED = [FINE, NOTE, WARNING, UNKNOWN, WORSE]


def test_the_table_has_what_is_not_fine_and_a_count() -> None:
    """The worst first, each on one line."""
    lines = table(MIXED).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["regression", "incomparable", "warning", "note"]
    assert lines[0].endswith("1 % | more of it <b>.")
    assert lines[-1] == ("exact: 1 fine; numeric: 1 regression, 1 note; time: 1 warning; structure: 1 incomparable")


def test_the_table_has_everything_where_all_is_fine() -> None:
    assert table([FINE, FINE]).splitlines() == ["fine  exact  bunny/bunny x265 crf=28  The same."] * 2 + [
        "exact: 2 fine"
    ]
    assert table([]) == summary([]) == "nothing was checked"


def test_long_tables_are_cut() -> None:
    lines = table([FINE] * (LIMIT + 1_234)).splitlines()
    assert len(lines) == LIMIT + 2
    assert lines[LIMIT].startswith("and 1,234 more")


def test_markdown_cells_stay_cells() -> None:
    """A bar or a break in a message ends no cell, and a tag is text."""
    text = markdown(MIXED, "bench check results/baseline")
    assert text.startswith("## bench check results/baseline\n\nexact: 1 fine; ")
    assert "| regression | numeric | bunny/bunny x264 crf=28 | 1 % \\| more of it &lt;b>. |" in text.splitlines()
    assert "The same." not in text


def test_junit_has_a_case_for_each_subject(tmp_path: Path) -> None:
    """Read back by the library: what failed, what could not be compared, and what is only said."""
    write_junit(MIXED, tmp_path / "deep" / "check.xml")
    (suite,) = JUnitXml.fromfile(str(tmp_path / "deep" / "check.xml"))
    cases = {case.name: case for case in suite}
    assert list(cases) == ["bunny/bunny x265 crf=28", "bunny/bunny x265", "preset quick", "bunny/bunny x264 crf=28"]
    assert (suite.tests, suite.failures, suite.errors) == (4, 1, 1)
    assert cases["bunny/bunny x265 crf=28"].result == []
    assert cases["bunny/bunny x265 crf=28"].system_out == "note (numeric): Better."
    assert cases["bunny/bunny x265"].system_out == "warning (time): Slower."
    assert isinstance(cases["preset quick"].result[0], Error)
    (failure,) = cases["bunny/bunny x264 crf=28"].result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message) == ("numeric", WORSE.message)


def test_junit_is_xml_whatever_a_codec_printed(tmp_path: Path) -> None:
    """Control characters and halves of surrogate pairs have no place in it."""
    odd = Finding("a\x00b", "structure", "regression", "\x1b[31mred\udc80\x1b[0m \ufffe é 🎞")
    write_junit([odd], tmp_path / "check.xml")
    (case,) = ElementTree.parse(tmp_path / "check.xml").getroot().iter("testcase")
    assert case.get("name") == "a?b"
    assert case[0].get("message") == "?[31mred??[0m ? é 🎞"


def test_the_summary_is_appended_to_githubs_file(tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    append_summary(MIXED, "check", {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_text() == "before\n" + markdown(MIXED, "check")
    append_summary(MIXED, "check", {})
    with pytest.raises(StoreError, match="GITHUB_STEP_SUMMARY names"):
        append_summary(MIXED, "check", {"GITHUB_STEP_SUMMARY": str(tmp_path)})


def test_one_line_annotates_the_run() -> None:
    """Escaped as GitHub reads it, and only where something is wrong."""
    line = annotation(MIXED, "bench check a:b, c", {"GITHUB_ACTIONS": "true"})
    assert line == (
        "::error title=bench check a%3Ab%2C c::exact: 1 fine; numeric: 1 regression, 1 note; time: 1 warning; "
        "structure: 1 incomparable. The first: bunny/bunny x264 crf=28: 1 %25 | more of it <b>."
    )
    assert annotation(MIXED, "check", {}) is None
    assert annotation([FINE, NOTE, WARNING], "check", {"GITHUB_ACTIONS": "true"}) is None
