"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import os
import re
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


def duration(text: str) -> float:
    """Seconds, from ``90``, ``90s``, ``1.5m`` or ``2h``; for argparse."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write for example 90s, 5m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def cache_folder() -> Path:
    """Where cut and converted clips are kept: ``BENCH_CACHE``, else the user's cache directory."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named) if named else platformdirs.user_cache_path("implicit-video-bench")
