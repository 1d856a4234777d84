"""How often `bench check` calls unchanged code slower, and how often it sees a decoder that is.

    python benchmarks/gate.py [--checks N] [--slow-checks N] [--codecs LIST] [--minutes N]

Whole checks, one after the other, of the highest rate of each codec at preset smoke: this code against a copy of it in
another folder, then a copy whose decoder works 1.5 times as long, and 1.2 times, against this code. A slowed decoder
keeps the processor busy after its work for as long as the work took, times 0.5 or 0.2. No check begins when the minutes
are over.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from machine import print_machine

from bench.analysis.comparable import RecordedCell
from bench.check.code import PACKAGE_PARENT, Code, this_code
from bench.check.side_by_side import FIRST_ROUNDS, ROUNDS, time_cells, timed_cells
from bench.cli import main as bench
from bench.records.store import Store

DECODING = "    decoded = codec.decode(stream, FRAMES, watch)\n"
SLOWED = """
    import time
    with watch.part("planted"):
        end = time.perf_counter() + {share} * sum(watch.seconds.values())
        while time.perf_counter() < end:
            pass
"""


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
    return Code(f"a copy with {slowdown:g} times the work", this_code().python, folder)


def check(cells: list[RecordedCell], base: Code, new: Code, folder: Path) -> tuple[int, int]:
    """One whole check: the number of comparisons that call the new code slower, and of decoders among them. Prints a
    row."""
    start = time.perf_counter()
    timing = time_cells(cells, base, new, ROUNDS, folder, lambda _: None)
    assert not any(trial.failure for trial in [*timing.first, *timing.again.values()])
    found = timing.comparisons()
    ratios = ", ".join(f"{one.ratio:.2f}{' !' if one.slower else ''}" for one in found.values())
    decodes = [timing.last(place).seconds("decoding")[0] for place in range(len(cells))]
    spread = statistics.median(max(seconds) / min(seconds) for seconds in decodes)
    slower = [work for (_, work), one in found.items() if one.slower]
    print(
        f"| {new.name} | {os.getloadavg()[0]:.1f} | {spread:.1f} | {len(timing.again)} | {ratios} | {len(slower)} | "
        f"{time.perf_counter() - start:.0f} |",
        flush=True,
    )
    return len(slower), slower.count("decoding")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=20, help="of unchanged code (default: %(default)s)")
    parser.add_argument("--slow-checks", type=int, default=3, help="of each slowed decoder (default: %(default)s)")
    parser.add_argument("--codecs", default="x264", help="default: %(default)s")
    parser.add_argument("--minutes", type=float, default=20, help="default: %(default)s")
    options = parser.parse_args()
    over = time.monotonic() + 60 * options.minutes
    print_machine()
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        folder = Path(name).resolve()
        bench(["run", "--codecs", options.codecs, "--preset", "smoke", "--results", str(folder / "baseline")])
        cells = timed_cells(list(Store(folder / "baseline").records()))
        codes = {slowdown: copy_of_code(folder / f"code-{slowdown}", slowdown) for slowdown in (1.0, 1.5, 1.2)}
        print(f"{FIRST_ROUNDS} rounds, {ROUNDS} of what seems slower. {len(cells)} cells: {options.codecs}\n")
        print("| new code | load | slowest / fastest decode | timed again | ratios | slower | seconds |")
        print("|---|---:|---:|---:|---|---:|---:|")
        for slowdown, code in codes.items():
            count = options.checks if slowdown == 1 else options.slow_checks
            outcomes: list[tuple[int, int]] = []
            while len(outcomes) < count and time.monotonic() < over:
                outcomes.append(check(cells, this_code(), code, folder))
            false = sum(any(outcome) for outcome in outcomes)
            seen = sum(decoders for _, decoders in outcomes)
            what = f"{false} of {len(outcomes)} checks warn"
            if slowdown > 1:
                what += f", {seen} of {len(outcomes) * len(cells)} slowed decoders are seen"
            print(f"| **{what}** | | | | | | |", flush=True)


if __name__ == "__main__":
    main()
