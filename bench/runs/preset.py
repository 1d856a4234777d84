"""Presets: how large the clips are, and at which rate points each codec runs.

A preset is a TOML file. In a codec's table, a list holds one value for each rate point; lists of
one table are read side by side, and everything else is the same at all of its points.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..codec import Parameters
from ..dataset import ClipWindow
from ..errors import UsageError
from ..files import file_sha256, load_toml
from ..registry import unknown

FOLDER = Path(__file__).parents[1] / "presets"


@dataclass(frozen=True)
class Preset:
    """``digest`` is of the file, so that records of an edited preset are stated apart."""

    name: str
    description: str
    full_scale: bool
    cut: ClipWindow
    points: dict[str, list[Parameters]]
    digest: str


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_preset(name: str) -> Preset:
    """The preset called ``name``. Raises `UsageError`, with a suggestion, if there is none."""
    if name not in names():
        raise unknown("preset", name, names())
    path = FOLDER / f"{name}.toml"
    table = load_toml(path)
    return Preset(
        name,
        table["description"],
        table["full_scale"],
        msgspec.convert(table.get("cut", {}), ClipWindow),
        {codec: expand(codec, parameters) for codec, parameters in table["codecs"].items()},
        file_sha256(path)[:12],
    )


def expand(codec: str, table: dict[str, Any]) -> list[Parameters]:
    """The rate points of one codec's table.

    >>> expand("x264", {"crf": [20, 30], "preset": "slow"})
    [{'crf': 20, 'preset': 'slow'}, {'crf': 30, 'preset': 'slow'}]
    """
    lengths = {len(value) for value in table.values() if isinstance(value, list)}
    if len(lengths) > 1:
        raise UsageError(f"The lists for {codec} have different lengths: {sorted(lengths)}.")
    count = lengths.pop() if lengths else 1
    return [{k: v[i] if isinstance(v, list) else v for k, v in table.items()} for i in range(count)]
