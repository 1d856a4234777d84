"""How often `bench check` calls unchanged code slower, and how often it sees a decoder that is.

    python benchmarks/gate.py [--checks N] [--slow-checks N] [--codecs LIST] [--minutes N]

Whole checks, one after the other, of the highest rate of each codec at preset smoke: this code against a copy of it in
another folder, then a copy whose decoder works 1.5 times as long, and 1.2 times, against this code. A slowed decoder
keeps the processor busy after its work for as long as the work took, times 0.5 or 0.2. No check begins when the minutes
are over. To save minutes, ``bench run`` itself stays in this process; what is timed, the encoders and decoders, are
processes of the code in question as ever.

A few checks cannot show a small rate. So the rounds of unchanged code are also drawn from at random to make up many
more checks, in each of which chance says which of a round's two times is the new code's; then the same with its
decoding multiplied.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path

from machine import print_machine

from bench.analysis.comparable import RecordedCell
from bench.check.code import PACKAGE_PARENT, Code
from bench.check.side_by_side import (
    FIRST_ROUNDS,
    ROUNDS,
    Sample,
    Timing,
    Trial,
    Work,
    seems_slower,
    time_cells,
    timed_cells,
)
from bench.cli import main as bench
from bench.records.store import Store
from bench.runs import process

DRAWS = 2000
DECODING = "    decoded = codec.decode(stream, FRAMES, watch)\n"
SLOWED = """
    import time
    with watch.part("planted"):
        end = time.perf_counter() + {share} * sum(watch.seconds.values())
        while time.perf_counter() < end:
            pass
"""


@dataclass(frozen=True)
class KeptCode(Code):
    """A code of which only the encoders and decoders are run anew each time."""

    def run(self, arguments: Sequence[str], where: Path) -> subprocess.CompletedProcess[bytes]:
        """``bench run`` in this process, whose children are of this code."""
        process._PACKAGE_PARENT = str(self.folder)
        said = io.StringIO()
        with redirect_stderr(said):
            status = bench(list(arguments[2:]))
        return subprocess.CompletedProcess(list(arguments), status, b"", said.getvalue().encode())


def copy_of_code(folder: Path, slowdown: float) -> Code:
    """This code in another folder, its decoder slowed by a factor from 1 on."""
    for room in ("bench", "codecs", "datasets"):
        shutil.copytree(PACKAGE_PARENT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    if slowdown > 1:
        decoder = folder / "bench/runs/decoder.py"
        text = decoder.read_text(encoding="utf-8")
        assert text.count(DECODING) == 1
        share = round(slowdown - 1, 3)
        decoder.write_text(text.replace(DECODING, DECODING + SLOWED.format(share=share)), encoding="utf-8")
    return KeptCode(f"a copy with {slowdown:g} times the work", Path(sys.executable), folder)


def check(cells: list[RecordedCell], base: Code, new: Code, folder: Path) -> Timing:
    """One whole check. Prints a row."""
    start = time.perf_counter()
    timing = time_cells(cells, base, new, ROUNDS, folder, lambda _: None)
    assert not any(trial.failure for trial in [*timing.first, *timing.again.values()])
    found = timing.comparisons()
    ratios = ", ".join(f"{one.ratio:.2f} (p {one.p:.2g})" for one in found.values())
    decodes = [timing.last(place).seconds("decoding")[0] for place in range(len(cells))]
    spread = statistics.median(max(seconds) / min(seconds) for seconds in decodes)
    numbers = f"{os.getloadavg()[0]:.1f} | {spread:.1f} | {len(timing.again)} | {ratios} | {len(warnings(timing))}"
    print(f"| {new.name} | {numbers} | {time.perf_counter() - start:.0f} |", flush=True)
    return timing


def warnings(timing: Timing) -> list[Work]:
    """The work that a check calls slower."""
    return [work for (_, work), one in timing.comparisons().items() if one.slower]


def pairs_of(timings: list[Timing], place: int) -> list[tuple[Sample, Sample]]:
    """Both codes' samples of a cell in each round of several checks."""
    trials = [trial for one in timings for trial in (one.first[place], one.again.get(place)) if trial]
    return [pair for trial in trials for pair in zip(trial.base, trial.new, strict=True)]


def drawn(
    cells: list[RecordedCell], pairs: list[list[tuple[Sample, Sample]]], factor: float, chance: random.Random
) -> Timing:
    """A check made up of rounds that were measured, each as often as chance will; decoding by the new code takes
    ``factor`` times as long."""

    def trial(place: int, rounds: int) -> Trial:
        made = Trial("drawn", cells[place].record)
        for pair in chance.choices(pairs[place], k=rounds):
            base, new = chance.sample(pair, 2)
            made.base.append(base)
            made.new.append(replace(new, decode_seconds=factor * new.decode_seconds))
        return made

    first = [trial(place, FIRST_ROUNDS) for place in range(len(cells))]
    return Timing(first, {place: trial(place, ROUNDS) for place, one in enumerate(first) if seems_slower(one)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=20, help="of unchanged code (default: %(default)s)")
    parser.add_argument("--slow-checks", type=int, default=3, help="of each slowed decoder (default: %(default)s)")
    parser.add_argument("--codecs", default="x264", help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=20, help="default: %(default)s")
    options = parser.parse_args()
    unchanged: list[Timing] = []
    over = time.monotonic() + 60 * options.minutes
    print_machine()
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        folder = Path(name).resolve()
        bench(["run", "--codecs", options.codecs, "--preset", "smoke", "--results", str(folder / "baseline")])
        here = KeptCode("this code", Path(sys.executable), PACKAGE_PARENT)
        cells = timed_cells(list(Store(folder / "baseline").records()))
        codes = {slowdown: copy_of_code(folder / f"code-{slowdown}", slowdown) for slowdown in (1.0, 1.5, 1.2)}
        print(f"{FIRST_ROUNDS} rounds, {ROUNDS} of what seems slower. {len(cells)} cells: {options.codecs}\n")
        print("| new code | load | slowest / fastest decode | timed again | encoding, decoding | slower | seconds |")
        print("|---|---:|---:|---:|---|---:|---:|")
        for slowdown, code in codes.items():
            count = options.checks if slowdown == 1 else options.slow_checks
            timings: list[Timing] = []
            while len(timings) < count and time.monotonic() < over:
                timings.append(check(cells, here, code, folder))
            found = [warnings(timing) for timing in timings]
            what = f"{sum(map(bool, found))} of {len(found)} checks warn"
            if slowdown > 1:
                seen = sum(works.count("decoding") for works in found)
                what += f", {seen} of {len(found) * len(cells)} slowed decoders are seen"
            else:
                unchanged = timings
            if found:
                print(f"| **{what}** | | | | | | |", flush=True)
    if not unchanged:
        return
    pairs = [pairs_of(unchanged, place) for place in range(len(cells))]
    chance = random.Random(0)
    print(f"\n{DRAWS} checks drawn from {len(pairs[0])} rounds of unchanged code:\n")
    print("| decoding multiplied by | checks that warn | slowed decoders that are seen |\n|---:|---:|---:|")
    for multiple in (1.0, 1.2, 1.5, 2.0):
        found = [warnings(drawn(cells, pairs, multiple, chance)) for _ in range(DRAWS)]
        decoders = sum(works.count("decoding") for works in found)
        share = f"{decoders / DRAWS / len(cells):.1%}" if multiple > 1 else "–"
        print(f"| {multiple:g} | {sum(map(bool, found)) / DRAWS:.1%} | {share} |", flush=True)


if __name__ == "__main__":
    main()
