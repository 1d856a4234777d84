"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import platformdirs

DEFAULT_RESULTS = Path("results/runs")


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=DEFAULT_RESULTS,
        metavar="DIR",
        help="where records, streams and the report live (default: %(default)s)",
    )


def cache_folder() -> Path:
    """Where cut and converted clips are kept: ``BENCH_CACHE``, else the user's cache directory."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("implicit-video-bench")
