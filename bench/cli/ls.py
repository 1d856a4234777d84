"""``bench ls``: what can be run."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

from ..dataset import Dataset
from ..errors import UsageError
from ..registry import codecs, datasets, open_dataset, unknown
from ..runs import preset as presets
from .options import add_data_root, add_source_format

WHAT = ("codecs", "datasets", "presets")


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="List what can be run.",
        epilog="examples:\n  python -m bench ls\n  python -m bench ls codecs\n  python -m bench ls my/clip.mp4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what",
        nargs="?",
        help=f"{', '.join(WHAT)}, a dataset, or a path to your own videos (default: all but your own)",
    )
    add_data_root(parser)
    add_source_format(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    lists: dict[str, Callable[[], list[tuple[str, str]]]] = {
        "codecs": list_codecs,
        "datasets": lambda: list_datasets(options.data_root),
        "presets": list_presets,
    }
    if options.what and options.what not in WHAT:
        known = [*WHAT, *datasets.names()]
        if options.what not in known and not Path(options.what).exists():
            raise unknown("list", options.what, [*known, "a path to your own video"])
        dataset = open_dataset(options.what, options.data_root, options.source_format)
        print(f"{dataset.name}: {described(dataset)}")
        return 0
    for title in [options.what] if options.what else WHAT:
        print(f"{title}:")
        for name, about in lists[title]():
            print(f"  {name:10} {about}")
    return 0


def list_codecs() -> list[tuple[str, str]]:
    return [(name, _codec(name)) for name in codecs.names()]


def _codec(name: str) -> str:
    try:
        codec = codecs.load(name)
    except UsageError as error:
        return f"broken: {error}"
    defaults = ", ".join(f"{field.name}={field.default}" for field in dataclasses.fields(codec))
    return f"{codec.family:9} {codec.suffix:5} {defaults}"


def list_datasets(data_root: Path | None) -> list[tuple[str, str]]:
    return [(name, _dataset(name, data_root)) for name in datasets.names()]


def _dataset(name: str, data_root: Path | None) -> str:
    try:
        return described(open_dataset(name, data_root))
    except UsageError as error:
        return f"broken: {error}"


def described(dataset: Dataset) -> str:
    """What is known of each sequence without decoding it, on lines of their own."""
    listings = {sequence: dataset.listing(sequence) for sequence in dataset.sequences}
    here = sum(listing.problem is None for listing in listings.values())
    lines = [f"{here} of {len(listings)} sequences are here"]
    for sequence, listing in listings.items():
        size = f" ({listing.missing_bytes / 2**30:.2f} GiB to fetch)" if listing.missing_bytes else ""
        form = f"{listing.format} at {listing.format.frame_rate} Hz" if listing.format else "unknown"
        lines.append(f"{sequence:12} {form:40} {listing.found or f'{listing.problem}{size}'}")
        lines += [f"{'':12} note: {note}" for note in listing.notes]
    return "\n             ".join(lines)


def list_presets() -> list[tuple[str, str]]:
    return [(name, presets.load_preset(name).description) for name in presets.names()]
