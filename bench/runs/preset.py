"""Presets: how large the clips are, and at which rate points each codec runs.

Those in `bench/presets` have names; a user's own is any path that ends in ``.toml``.
A preset is a TOML file. In a codec's table, a list holds one value for each rate point; lists of
one table are read side by side, and everything else is the same at all of its points.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from ..codec import Parameters
from ..dataset import ClipWindow, ShrinkingWindow
from ..errors import UsageError
from ..files import file_sha256, load_toml
from ..registry import unknown

FOLDER = Path(__file__).parents[1] / "presets"


@dataclass(frozen=True)
class Preset:
    """``cut`` scales down and never up. ``digest`` is of the file, so that records of an edited preset are stated
    apart. ``also`` are codecs with options, as the command line names them, that are run beside those of ``points``."""

    name: str
    description: str
    full_scale: bool
    cut: ClipWindow
    points: dict[str, list[Parameters]]
    digest: str
    also: tuple[str, ...] = ()


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@dataclass(frozen=True, kw_only=True)
class PresetFile:
    """What a preset's file holds. Its ``codecs`` are tables of parameters."""

    codecs: dict[str, dict[str, Any]]
    also: tuple[str, ...] = ()
    description: str = "a preset of the user's own"
    full_scale: bool = False
    cut: ShrinkingWindow = field(default_factory=ShrinkingWindow)


def load_preset(name: str) -> Preset:
    """The preset called ``name``, or the one in the file ``name``, if that ends in ``.toml``.

    Raises `UsageError`, with a suggestion, if there is none, and for a file that is no preset.
    """
    own = name.endswith(".toml")
    if not own and name not in names():
        raise unknown("preset", name, [*names(), "a path to a .toml file"])
    path = Path(name) if own else FOLDER / f"{name}.toml"
    try:
        table = load_toml(path)
        file = msgspec.convert(table, PresetFile)
        _check_keys(table, PresetFile)
        _check_keys(table.get("cut", {}), ClipWindow)
        digest = file_sha256(path)[:12]
    except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors too
        raise UsageError(f"{path} is no preset: {error}. docs/presets.md says what one holds.") from error
    points = {codec: expand(codec, parameters) for codec, parameters in file.codecs.items()}
    return Preset(path.stem, file.description, file.full_scale, file.cut, points, digest, file.also)


def _check_keys(table: dict[str, Any], kind: type[Any]) -> None:
    """Raise `ValueError` for a key that no field of the dataclass ``kind`` has: most likely it is misspelt."""
    known = [field.name for field in fields(kind)]
    for key in table:
        if key not in known:
            raise ValueError(str(unknown("key", key, known)))


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
