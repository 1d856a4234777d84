"""Options that several subcommands share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from ..dataset import DATA_ROOT_VARIABLE, Dataset
from ..registry import unknown
from ..sources.file import as_rate
from ..sources.video_file import StatedFormat
from ..video.raw import YUV_FORMATS

T = TypeVar("T")
DEFAULT_RESULTS = Path("results/runs")


def add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results",
        type=Path,
        default=DEFAULT_RESULTS,
        metavar="DIR",
        help="where records, streams and the report live (default: %(default)s)",
    )


def add_data_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help=f"where the files of datasets are (default: {DATA_ROOT_VARIABLE}, else data)",
    )


def add_source_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source-format",
        type=source_format,
        metavar="WxH@RATE:FORMAT",
        help="of .yuv files, PNG folders and streams without a container that do not say it; parts may be left out, "
        "as in @25",
    )


def chosen_sequences(dataset: Dataset, names: Iterable[str]) -> list[str]:
    """The sequences of these names, or all if there are none. Raises `UsageError`, with a suggestion, for
    one that does not exist."""
    chosen = list(names) or list(dataset.sequences)
    for name in chosen:
        if name not in dataset.sequences:
            raise unknown(f"sequence of {dataset.name}", name, list(dataset.sequences))
    return chosen


def size(text: str) -> tuple[int, int]:
    """Width and height, for argparse."""
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write for example 1920x1080")
    return int(match[1]), int(match[2])


def source_format(text: str) -> StatedFormat:
    """What ``1920x1080@120:yuv420p`` says, each part of which may be missing; for argparse."""
    match = re.fullmatch(r"([^@:]*)(?:@([^:]*))?(?::(.*))?", text)
    assert match is not None  # anything matches; each part is looked at on its own
    try:
        rate = as_rate(match[2]) if match[2] else None
        if rate is not None and rate <= 0:
            raise ValueError(match[2])
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"{match[2]!r} is not a frame rate; write for example @120") from error
    pixel_format = next((known for known in YUV_FORMATS if known == match[3]), None)
    if match[3] and pixel_format is None:
        known = ", ".join(YUV_FORMATS)
        raise argparse.ArgumentTypeError(f"{match[3]!r} is not a pixel format of YUV files: {known}")
    return StatedFormat(size(match[1]) if match[1] else None, rate, pixel_format)


def seed(text: str) -> int:
    """A seed that every library takes; for argparse."""
    if not re.fullmatch(r"\d{1,10}", text) or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; write a whole number from 0 to {2**32 - 1}")
    return int(text)


def duration(text: str) -> float:
    """Seconds, from ``90``, ``90s``, ``1.5m`` or ``2h``; for argparse."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write for example 90s, 5m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def count(text: str) -> int:
    """A whole number from 1 on; for argparse."""
    if not re.fullmatch(r"[1-9]\d{0,5}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of things; write for example 2")
    return int(text)


def list_of(item: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A reader of comma-separated items, at least one, each of which stands once in the list; for argparse."""

    def items(text: str) -> list[T]:
        found = list(dict.fromkeys(item(part.strip()) for part in text.split(",") if part.strip()))
        if not found:
            raise argparse.ArgumentTypeError(f"{text!r} names nothing; leave the option out to have its default")
        return found

    return items
