"""The findings as JUnit XML, which continuous integration services show."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from ..files import write_bytes
from .finding import Finding

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold; a codec that crashed may have printed them."""


def write_junit(findings: Iterable[Finding], file: Path) -> None:
    """Write a test case for each cell and curve: a regression is a failure, what cannot be compared an error, and
    warnings and notes are its output. Raises `StoreError`."""
    suite = TestSuite("bench check")
    subjects: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        subjects[finding.subject].append(finding)
    suite.add_testcases([_case(subject, members) for subject, members in subjects.items()])
    xml = JUnitXml("bench check")
    xml.add_testsuite(suite)
    content = io.BytesIO()
    xml.write(content)
    write_bytes(file, content.getvalue())


def _case(subject: str, findings: list[Finding]) -> TestCase:
    case = TestCase(_text(subject), classname="bench.check")
    kinds = {"regression": Failure, "incomparable": Error}
    case.result = [
        kinds[finding.verdict](_text(finding.message), finding.kind) for finding in findings if finding.verdict in kinds
    ]
    remarks = [
        f"{one.verdict} ({one.kind}): {_text(one.message)}" for one in findings if one.verdict in ("warning", "note")
    ]
    if remarks:
        case.system_out = "\n".join(remarks)
    return case


def _text(text: str) -> str:
    return NOT_IN_XML.sub("?", text)
