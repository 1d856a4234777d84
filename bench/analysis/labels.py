"""The names of curves, sequences and rate points among records of the same conditions.

Names get longer where different things would have the same name: records that differ in more than their rate
point are of different curves, whose labels say in brackets what differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from ..records.record import Record

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def curve_labels(records: Sequence[Record]) -> list[str]:
    """The label of the curve that each record is a point of.

    It is the codec's own label. In brackets follow the record's schema, unless that is the newest one, and
    whatever else differs among records of that label and schema but does not make a rate point: the version of
    the codec, the versions of its tools, whether its encoder aims at a bit rate or at a quality, and the parameters
    that are the same all along a curve.
    """
    newest = max((record.schema for record in records), default=0)
    labels = [""] * len(records)
    for members in _groups(range(len(records)), lambda i: (records[i].codec.label, records[i].schema)).values():
        alike = [records[i] for i in members]
        schema = [] if alike[0].schema == newest else [f"schema {alike[0].schema}"]
        for i, words in zip(members, _differences(alike), strict=True):
            labels[i] = _bracketed(alike[0].codec.label, [*schema, *words])
    return labels


def sequence_names(records: Sequence[Record]) -> list[str]:
    """The name of the sequence that each record is of. Another preparation of a clip is another sequence, whose
    name ends in the digest of its frames."""
    digests = _groups(
        {(record.clip.source.sequence, record.clip.rgb_sha256) for record in records}, lambda item: item[0]
    )
    return [
        _bracketed(clip.source.sequence, [clip.rgb_sha256[:8]] if len(digests[clip.source.sequence]) > 1 else [])
        for clip in (record.clip for record in records)
    ]


def rate_points(labels: Sequence[str], records: Sequence[Record]) -> list[str]:
    """The rate point of each record on the curve of its label: the first parameter that alone tells the points of
    the curve apart, or else all parameters that vary along it."""
    names = [""] * len(records)
    for members in _groups(range(len(records)), lambda i: labels[i]).values():
        points = [_points(records[i]) for i in members]
        varying = _varying(points)
        distinct = len({tuple(point.items()) for point in points})
        alone = [name for name in varying if len({point.get(name) for point in points}) == distinct]
        for i in members:
            parameters = records[i].codec.parameters
            names[i] = ", ".join(f"{name}={parameters[name]}" for name in alone[:1] or varying if name in parameters)
    return names


def _differences(records: Sequence[Record]) -> list[list[str]]:
    """What tells the curves of records of one label and one schema apart, in words, for each record."""
    points = [_points(record) for record in records]
    rate_parameters = _rate_parameters(records, points)
    details = [
        _versions(record)
        | {"passes": "two passes" if record.codec.parameters.get("bitrate_kbps") else "one pass"}
        | {
            f"{name}=": f"{name}={value}"
            for name, value in record.codec.parameters.items()
            if name not in rate_parameters
        }
        for record in records
    ]
    differing = _varying(details)
    return [[words.get(name, f"no {name.rstrip('=')}") for name in differing] for words in details]


def _rate_parameters(records: Sequence[Record], points: Sequence[Mapping[str, str]]) -> list[str]:
    """The parameters in which the rate points of one curve differ, among records of one label and one schema.

    A preset decides what its rate points differ in: it is what varies among records of one preset, as it was at
    one time, by one version of the codec. What differs only between presets, as the length of training, makes
    another curve. So does a parameter of which each value comes with all points: its default was changed, or the
    preset crosses it with the others.
    """
    of_preset = _groups(range(len(records)), lambda i: (records[i].preset, str(_versions(records[i]))))
    varying = {name for members in of_preset.values() for name in _varying([points[i] for i in members])}
    names = [name for name in _varying(points) if name in varying]
    while crossed := _crossed(records, points, names):
        names.remove(crossed)
    return names


def _crossed(records: Sequence[Record], points: Sequence[Mapping[str, str]], names: Sequence[str]) -> str | None:
    """Of the parameters ``names``, one of which each value comes with every combination of the others, on a curve
    that the remaining parameters make; of several, the one with the fewest values. None if there is none."""
    curves = _groups(
        range(len(records)),
        lambda i: (str(_versions(records[i])), *((n, value) for n, value in points[i].items() if n not in names)),
    )
    crossed: list[tuple[int, str]] = []
    for members in curves.values():
        distinct = {tuple(points[i].get(name) for name in names) for i in members}
        for place, name in enumerate(names):
            values = {point[place] for point in distinct}
            others = {point[:place] + point[place + 1 :] for point in distinct}
            if min(len(values), len(others)) > 1 and len(values) * len(others) == len(distinct):
                crossed.append((len(values), name))
    return min(crossed, key=lambda item: item[0])[1] if crossed else None


def _points(record: Record) -> dict[str, str]:
    """The parameters of a record, as text that can be compared."""
    return {name: repr(value) for name, value in record.codec.parameters.items()}


def _versions(record: Record) -> dict[str, str]:
    """The versions of the codec and of its tools, in words, by name."""
    tools = {tool: f"{tool} {version}" for tool, version in sorted(record.codec.tools.items())}
    return {"version": f"version {record.codec.version}"} | tools


def _varying(items: Collection[Mapping[str, str]]) -> list[str]:
    """The names that have several values among the items, or that only some of the items have."""
    names = dict.fromkeys(name for item in items for name in item)
    return [name for name in names if len({item.get(name) for item in items}) > 1]


def _groups(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """The items by their key, in order of appearance."""
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)


def _bracketed(name: str, words: Sequence[str]) -> str:
    """The name, with the words in brackets if there are any."""
    return f"{name} ({', '.join(words)})" if words else name
