"""``bench verify``: whether what records state still holds."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console

from ..analysis.labels import curve_labels, rate_points
from ..dataset import Clip, ClipWindow
from ..errors import StoreError, UsageError
from ..records.record import Record, Status
from ..records.store import Store, check_space
from ..runs.cell import frames_bytes
from ..runs.progress import PlainDisplay
from ..runs.verification import (
    VERDICTS,
    Finding,
    Observation,
    open_source,
    read_records,
    sample,
    streams_without_records,
    verify,
)
from ..video.colour import Matrix
from . import INTERRUPTED
from .options import add_results

ANOTHER_FOLDER = "name another folder in the environment variable TMPDIR"


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Decode the streams of records again, in processes that see nothing else, and say of each cell "
        "whether it is the same, drifted (a network, within limits), broken or missing. Nothing in DIR is changed.",
        epilog="""examples:
  python -m bench verify
  python -m bench verify --results archive --sample 10
  python -m bench verify --results archive --sample 3 --reencode""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_results(parser)
    parser.add_argument(
        "--sample", type=int, metavar="N", help="N cells, evenly spread over the names of records (default: all)"
    )
    parser.add_argument(
        "--reencode", action="store_true", help="encode each cell again too, in a scratch folder, and compare the bytes"
    )
    return parser


def main(options: argparse.Namespace) -> int:
    if options.sample is not None and options.sample < 1:
        raise UsageError(f"--sample must be at least 1, not {options.sample}.")
    store = Store(options.results)
    read = read_records(store)
    records = {name: record for name, record in read.items() if isinstance(record, Record)}
    finished = {name: record for name, record in records.items() if record.status == "ok"}
    findings = [
        Finding(name, (Observation("broken", str(error)),))
        for name, error in read.items()
        if isinstance(error, StoreError)
    ]
    findings += streams_without_records(store)
    if not finished and not findings:
        raise UsageError(
            f"There is nothing to verify in {store.root}: {len(records)} records, none of them of a finished cell. "
            "Name the folder that `python -m bench run` wrote with --results."
        )
    for finding in findings:
        print(line(finding, finding.name))
    chosen = sample(list(finished), options.sample or len(finished))
    titles = dict(zip(finished, described(list(finished.values())), strict=True))
    if len(chosen) < len(finished):
        print(f"A sample of {len(finished)} finished cells: {len(chosen)}.", file=sys.stderr)
    unfinished: Counter[Status] = Counter(record.status for record in records.values() if record.status != "ok")
    try:
        verify_all({name: finished[name] for name in chosen}, titles, store, options.reencode, findings)
    except KeyboardInterrupt:
        print(summary(findings, finished, unfinished))
        print("bench: interrupted; the lines above are of what was done until then.", file=sys.stderr)
        return INTERRUPTED
    print(summary(findings, finished, unfinished))
    return int(any(finding.verdict in ("broken", "missing") for finding in findings))


def verify_all(
    records: dict[str, Record], titles: dict[str, str], store: Store, reencode: bool, findings: list[Finding]
) -> None:
    """Verify one record after another, print a line of each, and add it to ``findings``, so that what was done is known
    also after an interruption."""
    sources: dict[tuple[str, ClipWindow, Matrix, str, str], Clip | str] = {}
    display = PlainDisplay(Console(stderr=True, highlight=False))
    for number, (name, record) in enumerate(records.items(), start=1):
        place = f"[{number}/{len(records)}] {titles[name]}"
        print(f"{place} ...", file=sys.stderr, flush=True)
        progress = display.begin(place).step
        clip = record.clip
        key = (clip.name, clip.cut, clip.matrix, clip.yuv_sha256, clip.rgb_sha256)
        if key not in sources:
            sources[key] = opened = open_source(clip)
            if isinstance(opened, str):
                print(f"Metrics of {clip.name} are not measured, without its source: {opened}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="bench-verify-") as scratch:
            check_space(Path(scratch).parent, frames_bytes(clip), titles[name], ANOTHER_FOLDER)
            finding = verify(name, record, store, sources[key], Path(scratch).resolve(), progress, reencode=reencode)
        findings.append(finding)
        print(line(finding, f"{name}: {titles[name]}"), flush=True)


def described(records: Sequence[Record]) -> list[str]:
    """Each record's clip, curve and rate point, for people to read."""
    labels = curve_labels(records)
    points = rate_points(labels, records)
    return [
        f"{record.clip.name} {label} {point}".rstrip()
        for record, label, point in zip(records, labels, points, strict=True)
    ]


def line(finding: Finding, title: str) -> str:
    """The verdict on one cell, and what it follows from."""
    words = [finding.words] if finding.words else []
    if finding.verdict == "same":
        same = "frames, ledger and metrics" if finding.measured else "frames and ledger"
        words.insert(0, f"{same} are the record's")
    return f"{finding.verdict:8} {title}: {'; '.join(words)}"


def summary(findings: Sequence[Finding], finished: Collection[str], unfinished: Counter[Status]) -> str:
    """What came of all that was looked at. ``finished`` are the names of the cells that could be, and ``unfinished``
    counts the other records by their status."""
    verdicts = Counter(finding.verdict for finding in findings)
    looked_at = sum(finding.name in finished for finding in findings)
    lines = [
        ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
        + f"; {looked_at} of {len(finished)} finished cells were looked at."
    ]
    if unmeasured := sum(not each.measured and each.verdict in ("same", "drifted") for each in findings):
        lines.append(f"The metrics of {unmeasured} were not measured, since their source is not here.")
    if encodings := Counter(finding.encoding for finding in findings if finding.encoding):
        lines.append(f"Encoded again: {', '.join(f'{count} {what}' for what, count in encodings.items())}.")
    if unfinished:
        counted = ", ".join(f"{count} {status}" for status, count in unfinished.items())
        lines.append(f"Records of cells without a stream: {counted}.")
    return "\n".join(lines)
