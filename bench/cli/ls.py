"""``bench ls``: what can be run."""

from __future__ import annotations

import argparse
import dataclasses

from .. import preset as presets
from ..errors import UsageError
from ..registry import codecs, datasets


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="List what can be run.",
        epilog="examples:\n  python -m bench ls\n  python -m bench ls codecs",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=list(LISTS), help="default: everything")
    return parser


def main(options: argparse.Namespace) -> int:
    for title in [options.what] if options.what else LISTS:
        print(f"{title}:")
        for name, about in LISTS[title]():
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


def list_datasets() -> list[tuple[str, str]]:
    return [(name, _dataset(name)) for name in datasets.names()]


def _dataset(name: str) -> str:
    try:
        return ", ".join(datasets.load(name).sequences)
    except UsageError as error:
        return f"broken: {error}"


def list_presets() -> list[tuple[str, str]]:
    return [(name, presets.load_preset(name).description) for name in presets.names()]


LISTS = {"codecs": list_codecs, "datasets": list_datasets, "presets": list_presets}
