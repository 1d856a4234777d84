"""``bench fetch``: download a dataset."""

from __future__ import annotations

import argparse

from ..registry import open_dataset
from .options import add_data_root, chosen_sequences


def make_parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        description="Download sequences, check them, and put them where runs look for them. An interrupted "
        "download goes on where it stopped.",
        epilog="examples:\n  python -m bench fetch uvg\n  python -m bench fetch uvg Jockey Beauty --data-root /videos",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("dataset")
    parser.add_argument("sequences", nargs="*", metavar="SEQUENCE", help="default: the whole dataset")
    add_data_root(parser)
    return parser


def main(options: argparse.Namespace) -> int:
    dataset = open_dataset(options.dataset, options.data_root)
    dataset.fetch(chosen_sequences(dataset, options.sequences))
    return 0
