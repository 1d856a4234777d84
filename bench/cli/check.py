"""``bench check``: whether results are still those of a baseline."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from ..check.baseline import update
from ..check.code import installed, of_commit, this_code
from ..check.faults import self_test
from ..check.finding import Finding
from ..check.gate import FINE, REGRESSION, check, exit_status
from ..check.github import annotation, append_summary
from ..check.junit import write_junit
from ..check.reading import RecordSet, read_records
from ..check.side_by_side import ROUNDS, effort, time_findings, timed_cells
from ..check.table import one_line, table
from ..check.tolerance import TRAINED, Tolerance
from .options import add_results, count


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Set results against a baseline, cell by cell and curve by curve. The exit status is 0 where all "
        "is fine, 1 after a regression, and 2 where the two cannot be compared.",
        epilog="""examples:
  python -m bench check results/baseline
  python -m bench check results/baseline --results results/runs --junit check.xml
  python -m bench check results/baseline --against-commit main
  python -m bench check results/baseline --update
  python -m bench check results/baseline --self-test""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("baseline", type=Path, metavar="BASELINE", help="a folder of records, or a results directory")
    add_results(parser)
    parser.add_argument(
        "--exact",
        action="store_true",
        help="every cell must be one that has to agree to the last bit: other versions or processors are exit status 2",
    )
    parser.add_argument(
        "--tolerance-bytes",
        type=percent,
        default=TRAINED.percent,
        metavar="PERCENT",
        help="of sizes and BD-rates of networks that the baseline has one seed of (default: %(default)g%%)",
    )
    parser.add_argument(
        "--tolerance-db",
        type=decibels,
        default=TRAINED.decibels,
        metavar="DB",
        help="of their PSNR and MS-SSIM (default: %(default)g)",
    )
    timing = parser.add_mutually_exclusive_group()
    timing.add_argument(
        "--against-commit",
        metavar="REF",
        help="encode and decode by turns with the code of this commit and with this one, and compare their times",
    )
    timing.add_argument(
        "--against-python", type=Path, metavar="FILE", help="the same with what this Python interpreter has installed"
    )
    parser.add_argument(
        "--rounds",
        type=count,
        default=ROUNDS,
        metavar="N",
        help="of what seems slower, to be sure of it (default: %(default)s)",
    )
    parser.add_argument(
        "--fail-on-time", action="store_true", help="code that is slower is a regression, not a warning"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the findings as JUnit XML too")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--update", action="store_true", help="make the results the baseline, instead of checking them")
    what.add_argument(
        "--self-test",
        action="store_true",
        help="plant faults into copies of the baseline and prove that each is caught",
    )
    return parser


def main(options: argparse.Namespace) -> int:
    if options.update:
        done = update(options.baseline, options.results)
        print(f"{done.written} records written to {done.folder}, {done.removed} removed.")
        return FINE
    baseline = read_records(options.baseline)
    if options.self_test:
        return prove(baseline)
    results = read_records(options.results)
    tolerance = Tolerance(options.tolerance_bytes, options.tolerance_db)
    findings = [
        *baseline.passed_over,
        *results.passed_over,
        *check(baseline.records, results.records, tolerance, options.exact),
    ]
    if options.against_commit or options.against_python:
        findings += time_side_by_side(baseline, options)
    return tell(findings, f"bench check {options.baseline}", options.junit)


def time_side_by_side(baseline: RecordSet, options: argparse.Namespace) -> list[Finding]:
    """What this code and another one take, by turns, for cells of the baseline."""
    commit, python = options.against_commit, options.against_python
    other = of_commit(commit) if commit else nullcontext(installed(python))
    cells = timed_cells(baseline.records)
    print(effort(cells, options.rounds), file=sys.stderr)
    with other as code, tempfile.TemporaryDirectory(prefix="bench-check-") as folder:
        return time_findings(
            baseline.records,
            code,
            this_code(),
            options.rounds,
            Path(folder),
            fail=options.fail_on_time,
            say=lambda words: print(words, file=sys.stderr),
        )


def tell(findings: list[Finding], title: str, junit: Path | None) -> int:
    """Say what was found in every form that is asked for, and return the exit status."""
    print(table(findings))
    if junit:
        write_junit(findings, junit)
    append_summary(findings, title, os.environ)
    if line := annotation(findings, title, os.environ):
        print(line)
    return exit_status(findings)


def prove(baseline: RecordSet) -> int:
    """Say of each planted fault whether it was caught, and return the exit status."""
    trials = self_test(baseline.records)
    words = {True: "caught", False: "MISSED", None: "not planted"}
    for trial in trials:
        said = "quiet" if trial.fault == "nothing" and trial.caught else words[trial.caught]
        print(f"{said:11}  {trial.fault}: {one_line(trial.message)}")
    return REGRESSION if any(trial.caught is False for trial in trials) else FINE


def percent(text: str) -> float:
    """``15`` or ``15%``; for argparse."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?%?", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage; write for example 15%")
    return float(match[1])


def decibels(text: str) -> float:
    """``0.2``; for argparse."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)( ?dB)?", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a difference in dB; write for example 0.2")
    return float(match[1])
