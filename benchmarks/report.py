"""How long a report on many records takes: reading them, making the tables, writing each form.

    python benchmarks/report.py [--datasets N] [--profile]

The records are copies of results/quick, 83 for each sequence: three networks with four rate points and
five seeds, four standard codecs with five or six. Rates and qualities of each copy are moved a
little, and per-frame values are repeated up to 132, so that files are as large as those of a whole
sequence. One copy in 250 has failed. Times are of one run, files in a temporary folder; on a
machine that does other work, CPU seconds say more, but those of the processes that draw are not counted.
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import hashlib
import os
import pstats
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from machine import print_machine

from bench.cli.report import collector_off
from bench.dataset import Clip
from bench.records.cores import cores
from bench.records.record import Record
from bench.records.store import Store
from bench.report.content import content
from bench.report.figures.printing import print_all
from bench.report.forms import html, markdown
from bench.report.forms.data import data_tables
from bench.report.forms.latex import latex_files
from bench.report.manifest import manifest
from bench.report.write import picture_files, table_files

ROOT = Path(__file__).resolve().parent.parent
SEQUENCES = 10
"""Of a dataset."""
SEEDS = 5
FRAMES = 132
T = TypeVar("T")


def plant(folder: Path, datasets: int) -> int:
    """Write the records and return their number."""
    store, count = Store(folder), 0
    originals = list(Store(ROOT / "results/quick").records())
    chance = random.Random(0)
    for dataset in range(datasets):
        for sequence in range(SEQUENCES):
            for record in originals:
                for seed in range(SEEDS if record.codec.family == "implicit" else 1):
                    count += 1
                    one = _copy(record, f"planted{dataset:02}", f"sequence{sequence}", seed, chance)
                    store.save(f"{count:06}", one if count % 250 else _failed(one))
    return count


def _copy(record: Record, dataset: str, sequence: str, seed: int, chance: random.Random) -> Record:
    assert record.stream
    assert record.quality
    factor, gain = chance.uniform(0.98, 1.02), chance.uniform(-0.05, 0.05)
    source = dataclasses.replace(record.clip.source, dataset=dataset, sequence=sequence)
    clip: Clip = dataclasses.replace(record.clip, source=source)
    quality = dataclasses.replace(
        record.quality,
        clip={name: value + gain if name.endswith("db") else value for name, value in record.quality.clip.items()}
        | {"psnr_rgb": record.quality.clip["psnr_rgb"] + gain},
        frames={name: (values * FRAMES)[:FRAMES] for name, values in record.quality.frames.items()},
    )
    key = hashlib.sha256(f"{record.key} {dataset} {sequence} {seed}".encode()).hexdigest()
    bits_per_pixel = record.stream.bits_per_pixel * factor
    stream = dataclasses.replace(record.stream, bits_per_pixel=bits_per_pixel)
    return dataclasses.replace(record, key=key, clip=clip, seed=seed, quality=quality, stream=stream)


def _failed(record: Record) -> Record:
    nothing: dict[str, Any] = dict.fromkeys(("stream", "quality", "encode", "decode", "complexity", "training"))
    return dataclasses.replace(record, status="failed", reason="CellError: out of memory", **nothing)


def timed(what: str, work: Callable[[], T]) -> T:
    """Do ``work`` and print a row."""
    start, cpu_start = time.perf_counter(), time.process_time()
    result = work()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    size = sum(map(len, result.values())) if isinstance(result, dict) and what.startswith("write") else 0
    print(f"| {what} | {seconds:.2f} | {cpu_seconds:.2f} | {f'{size / 1e6:.1f}' if size else '–'} |", flush=True)
    return result


@collector_off()
def measure(folder: Path) -> None:
    """Print the table."""
    print("| step | seconds | CPU seconds | MB |\n|---|---:|---:|---:|")
    start, cpu_start = time.perf_counter(), time.process_time()
    stored = timed("read and check the records, with their digests", lambda: Store(folder).read().readable)
    made = timed("make all tables and figures", lambda: content([item.record for item in stored]))
    tables = timed("gather each table's values", lambda: data_tables(made))
    files: dict[str, bytes] = {}
    for suffix, form in FORMS.items():
        files |= timed(f"write {suffix}", lambda form=form: form(made, tables))
    prints = timed("draw all pictures, as PNG, SVG and PDF", lambda: print_all(made.pictures, cores()))
    files |= picture_files(prints)
    files |= timed("write HTML", lambda: {"report.html": html.render(made, prints).encode()})
    timed("write manifest", lambda: {"manifest.json": manifest(made, stored, files, None)})
    total, cpu_total = time.perf_counter() - start, time.process_time() - cpu_start
    print(f"| all of these | {total:.2f} | {cpu_total:.2f} | |")
    lines = [len(text.splitlines()) for text in (markdown.brief(made), markdown.render(made))]
    print(f"\nLines in the terminal: {lines[0]:,}; in report.md: {lines[1]:,}.")


def _one_form(suffix: str) -> Callable[[Any, Any], dict[str, bytes]]:
    return lambda _, tables: table_files(tables, [suffix])


FORMS: dict[str, Callable[[Any, Any], dict[str, bytes]]] = {
    "Markdown": lambda made, _: {"report.md": markdown.render(made).encode()},
    "LaTeX": lambda made, _: latex_files(made),
    "CSV": _one_form("csv"),
    "Parquet": _one_form("parquet"),
    "JSON": _one_form("json"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=12, help="default: %(default)s")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    options = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = plant(folder, options.datasets)
        size = sum(path.stat().st_size for path in (folder / "records").iterdir())
        load = os.getloadavg()[0]
        print(
            f"{count:,} records, {size / 1e6:.0f} MB; {options.datasets} datasets of {SEQUENCES} sequences; "
            f"load {load:.1f}\n"
        )
        if not options.profile:
            measure(folder)
            return
        profile = cProfile.Profile()
        profile.runcall(measure, folder)
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
