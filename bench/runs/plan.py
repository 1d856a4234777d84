"""Which cells a run consists of, and the key under which each one's record is kept."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from itertools import product

import msgspec

from ..codec import Codec, Parameters
from ..dataset import Clip
from ..errors import UsageError
from ..files import to_json
from ..records.record import SCHEMA, cell_name
from ..registry import codecs, unknown
from .preset import Preset


@dataclass(frozen=True)
class Selection:
    """A codec as the command line names it: ``x265`` or ``x265[preset=veryslow]``."""

    name: str
    options: dict[str, str]

    @property
    def label(self) -> str:
        chosen = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}[{chosen}]" if chosen else self.name


@dataclass(frozen=True)
class PlannedCell:
    """One codec at one rate point on one clip with one seed."""

    codec: Codec
    label: str
    clip: Clip
    preset: Preset
    seed: int
    point: str
    """What tells this rate point from the codec's others, for people to read."""

    @property
    def key(self) -> str:
        """A digest of everything that decides the result, and of nothing else: not of the machine, nor of the preset,
        nor of the seed where a codec uses none."""
        content = {
            "schema": SCHEMA,
            "codec": (self.codec.name, self.codec.version, self.codec.parameters(), self.codec.tools()),
            "clip": (self.clip.yuv_sha256, self.clip.rgb_sha256, self.clip.yuv.format, self.clip.rgb.format),
            "seed": self.seed if self.codec.seeded else None,
        }
        return hashlib.sha256(to_json(content)).hexdigest()

    @property
    def file_name(self) -> str:
        """The name of its record, stream and log (`cell_name`)."""
        return cell_name(self.clip.source, self.codec.name, self.key)

    def __str__(self) -> str:
        return f"{self.clip.name} {self.label} {self.point}".rstrip()


def select(names: str, preset: Preset) -> list[Selection]:
    """What ``--codecs`` means: a comma-separated list, or ``all``.

    ``all`` are the codecs that the preset gives rate points, those that it runs with options too, and every third
    party's.
    """
    if names.strip() == "all":
        third_party = [name for name in codecs.names() if name not in codecs.builtin]
        plain = [Selection(name, {}) for name in dict.fromkeys([*preset.points, *third_party])]
        return plain + [_parse(item) for item in preset.also]
    return [_parse(item) for item in re.split(r",(?![^\[]*\])", names) if item.strip()]


def _parse(item: str) -> Selection:
    match = re.fullmatch(r"\s*([^\[\]\s]+)\s*(?:\[(.*)\])?\s*", item)
    if match is None:
        raise UsageError(f"{item!r} does not name a codec. Write for example x265 or 'x265[preset=veryslow]'.")
    options = dict(option.partition("=")[::2] for option in (match[2] or "").split(",") if option)
    return Selection(match[1], {key.strip(): value.strip() for key, value in options.items()})


def rate_points(selection: Selection, preset: Preset) -> list[Codec]:
    """The codec at each rate point: the preset's, or its own where the preset names none.

    Options set by hand win. Raises `UsageError` for an option that does not exist or fit.
    """
    cls = codecs.load(selection.name)
    known = [field.name for field in dataclasses.fields(cls)]
    for option in selection.options:
        if option not in known:
            raise unknown(f"option of {selection.name}", option, known)
    points = preset.points.get(selection.name) or cls.points()
    instances = [_instance(cls, {**point, **selection.options}) for point in points]
    return list(dict.fromkeys(instances))


def _instance(cls: type[Codec], parameters: Parameters) -> Codec:
    try:
        codec: Codec = msgspec.convert(parameters, cls, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{cls.name}: {error}.") from error
    return codec


@dataclass(frozen=True)
class LabelledPoint:
    """A codec at one rate point, with the label of its curve, and what tells it from the codec's other points."""

    label: str
    codec: Codec
    point: str


def plan(points: list[LabelledPoint], clips: list[Clip], preset: Preset, seeds: list[int]) -> list[PlannedCell]:
    """Every cell once, clip by clip, seed by seed and codec by codec: a curve of all codecs comes first. A cell that
    several selections name stands under the first one's label."""
    cells: dict[str, PlannedCell] = {}
    for clip, seed, at in product(clips, seeds, points):
        cell = PlannedCell(at.codec, at.label, clip, preset, seed if at.codec.seeded else 0, at.point)
        cells.setdefault(cell.file_name, cell)
    return list(cells.values())


def labelled_points(selections: list[Selection], preset: Preset, only: list[str] | None = None) -> list[LabelledPoint]:
    """The rate points of all selections. ``only`` chooses among them by terms such as ``crf=28``: a point of which one
    is true stays. Options that change none of a codec's rate points are not in its label.

    Raises `UsageError` for a term that is true of no point.
    """
    points = []
    for selection in selections:
        label = effective(selection, preset).label
        points += [LabelledPoint(label, *point) for point in with_points(rate_points(selection, preset))]
    if only is None:
        return points
    for term in only:
        if not any(_is_true(term, point.codec) for point in points):
            there = ", ".join(dict.fromkeys(f"{point.codec.name} {point.point}".rstrip() for point in points))
            raise UsageError(f"No rate point has {term!r}. There are: {there}.")
    return [point for point in points if any(_is_true(term, point.codec) for term in only)]


def _is_true(term: str, codec: Codec) -> bool:
    """Whether setting the codec's parameter to the value would change nothing. A codec without the parameter, or one
    that takes no such value, has no such point."""
    name, _, value = term.partition("=")
    try:
        return name in codec.parameters() and _instance(type(codec), {**codec.parameters(), name: value}) == codec
    except UsageError:
        return False


def effective(selection: Selection, preset: Preset) -> Selection:
    """The selection without the options that change nothing, such as ``preset=medium`` where that is the default."""
    for name in selection.options:
        fewer = Selection(selection.name, {key: value for key, value in selection.options.items() if key != name})
        if rate_points(fewer, preset) == rate_points(selection, preset):
            return effective(fewer, preset)
    return selection


def with_points(codecs: list[Codec]) -> list[tuple[Codec, str]]:
    """Each of one codec's rate points with what tells it from the others, for people to read."""
    tables = [codec.parameters() for codec in codecs]
    varying = [name for name in tables[0] if any(table[name] != tables[0][name] for table in tables)]
    return [
        (codec, " ".join(f"{name}={table[name]}" for name in varying))
        for codec, table in zip(codecs, tables, strict=True)
    ]
