"""Which records may stand side by side: comparable sets, and the curves within them.

A comparable set holds the records of one dataset under one preset at one size and length. Numbers from
different sets never share a table or a picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..dataset import ClipWindow
from ..records.record import PresetFacts, Record

CODEC_ORDER = ("nerv", "e-nerv", "res-nerv", "res-e-nerv", "x264", "x265", "svt-av1", "vvenc")
"""The order of codecs in tables and legends. Other codecs follow by name."""

METRICS = {"psnr_rgb": "PSNR", "ms_ssim_rgb_db": "MS-SSIM (dB)"}
"""The metrics of curves and BD-rates, with their names. MS-SSIM is used in dB, -10 log10(1 - MS-SSIM), since on
its own scale all good values crowd together below 1."""


@dataclass(frozen=True)
class RecordedCell:
    """A record under the names that it has in its comparable set."""

    record: Record
    sequence: str
    label: str
    """The name of the curve that the record is a point of."""
    rate_point: str
    """The parameters that tell this point from the others of its curve, as ``crf=23``."""

    @property
    def bits_per_pixel(self) -> float:
        """The rate; infinity where there is no stream, so that such cells sort last."""
        return self.record.stream.bits_per_pixel if self.record.stream else float("inf")

    def quality(self, metric: str) -> float | None:
        """The metric's value over the clip; None where there is none."""
        return self.record.quality.clip.get(metric) if self.record.quality else None


@dataclass(frozen=True)
class Curve:
    """The measured points of one codec on one sequence with one seed, sorted by rising rate."""

    codec: str
    label: str
    sequence: str
    seed: int
    cells: tuple[RecordedCell, ...]

    def points(self, metric: str) -> list[tuple[float, float]]:
        """(bits per pixel, quality) of each point that has the metric."""
        qualities = [(cell.bits_per_pixel, cell.quality(metric)) for cell in self.cells]
        return [(rate, quality) for rate, quality in qualities if quality is not None]


@dataclass(frozen=True)
class ComparableSet:
    """Records that may be compared. ``width`` and ``height`` are in pixels."""

    dataset: str
    preset: PresetFacts
    width: int
    height: int
    frames: int
    cells: tuple[RecordedCell, ...]

    @property
    def slug(self) -> str:
        """A name for files."""
        size = f"{self.width}x{self.height}x{self.frames}"
        return f"{self.dataset}-{self.preset.name}-{self.preset.digest[:8]}-{size}"

    @cached_property
    def full_scale(self) -> bool:
        """Whether these are whole sequences, under a preset that is at full scale."""
        return self.preset.full_scale and all(cell.record.clip.cut == ClipWindow() for cell in self.cells)

    @property
    def extent(self) -> str:
        """The length and the size, in words."""
        windows = dict.fromkeys(cell.record.clip.cut.crop for cell in self.cells)
        cropped = [f", cropped to {window[0]}x{window[1]}" for window in windows if window]
        return f"{self.frames} frames of {self.width}x{self.height}{''.join(cropped)}"

    @property
    def title(self) -> str:
        """The heading. The digest tells a preset from its earlier contents."""
        return f"{self.dataset}, preset {self.preset.name} ({self.preset.digest[:8]}), {self.extent}"

    @property
    def stamp(self) -> str:
        """The preset and the extent, and what the numbers must not be compared with."""
        preset = f"preset {self.preset.name}, {self.extent}"
        sources = "".join(f"; {kind} source: {', '.join(names)}" for kind, names in self.altered.items())
        if not self.full_scale:
            return f"scaled down: {preset}{sources}; not comparable with published full-scale figures"
        return f"{preset}{sources}; not comparable with published figures" if sources else preset

    @cached_property
    def altered(self) -> dict[str, list[str]]:
        """``converted`` or ``lossy`` to the sequences whose sources are so, and not the very samples of the
        sequence that they are called by."""
        sequences: dict[str, dict[str, None]] = defaultdict(dict)
        for cell in self.cells:
            fidelity = cell.record.clip.source.fidelity
            if fidelity != "exact":
                sequences[fidelity][cell.sequence] = None
        return {kind: list(names) for kind, names in sequences.items()}

    def not_published(self, sequence: str) -> str | None:
        """The reason why figures on ``sequence`` cannot be compared with published ones; None if they can."""
        if not self.full_scale:
            record = next(cell.record for cell in self.cells if cell.sequence == sequence)
            return f"scaled down ({', '.join(_scaling(record))})"
        return next((f"{kind} source" for kind, names in self.altered.items() if sequence in names), None)

    @property
    def pixels_per_frame(self) -> int:
        """The number of luma samples of a frame."""
        return self.width * self.height

    @cached_property
    def sequences(self) -> list[str]:
        """The names of the sequences, sorted."""
        return list(dict.fromkeys(cell.sequence for cell in self.cells))

    @cached_property
    def codecs(self) -> dict[str, str]:
        """Each curve's label with the name of its codec, in the order of tables and legends."""
        return {cell.label: cell.record.codec.name for cell in sorted(self.cells, key=_codec_order)}

    @cached_property
    def measured(self) -> list[RecordedCell]:
        """The cells that have a result."""
        return [cell for cell in self.cells if cell.record.status == "ok" and cell.record.stream]

    @cached_property
    def curves(self) -> list[Curve]:
        """One curve for each label, sequence and seed that has a point."""
        points: dict[tuple[str, str, str, int], list[RecordedCell]] = defaultdict(list)
        for cell in self.measured:
            points[cell.record.codec.name, cell.label, cell.sequence, cell.record.seed].append(cell)
        return [Curve(*key, tuple(sorted(cells, key=_rate))) for key, cells in points.items()]

    @cached_property
    def first_seed(self) -> list[Curve]:
        """The curve with the lowest seed of each codec on each sequence, for pictures that show only one."""
        lowest: dict[tuple[str, str], Curve] = {}
        for curve in sorted(self.curves, key=lambda curve: curve.seed):
            lowest.setdefault((curve.label, curve.sequence), curve)
        return [curve for curve in self.curves if lowest[curve.label, curve.sequence] is curve]

    def source_rates(self) -> dict[str, float]:
        """The sequences whose source is itself a decoded bitstream, with the bits per pixel of that bitstream."""
        rates = {cell.sequence: cell.record.clip.source_bits_per_pixel for cell in self.cells}
        return {sequence: rate for sequence, rate in rates.items() if rate is not None}


def _scaling(record: Record) -> list[str]:
    """All that keeps a record from being at full scale, in words."""
    clip, preset = record.clip, record.preset
    form, cut = clip.rgb.format, clip.cut
    reasons = {
        f"{form.frames} of {clip.source.frames} frames": form.frames < clip.source.frames,
        f"cropped to {cut.crop[0]}x{cut.crop[1]}" if cut.crop else "": cut.crop is not None,
        f"scaled to {form.width}x{form.height}": cut.width is not None or cut.height is not None,
        f"preset {preset.name} is not at full scale": not preset.full_scale,
    }
    return [words for words, true in reasons.items() if true]


def comparable_sets(records: Iterable[Record]) -> list[ComparableSet]:
    """The records sorted into comparable sets: those at full scale first, then by name."""
    members: dict[tuple[str, PresetFacts, int, int, int], list[Record]] = defaultdict(list)
    for record in records:
        form = record.clip.rgb.format
        members[record.clip.source.dataset, record.preset, form.width, form.height, form.frames].append(record)
    groups = [ComparableSet(*key, _cells(records)) for key, records in members.items()]
    return sorted(groups, key=lambda group: (not group.full_scale, group.slug))


def _cells(records: Sequence[Record]) -> tuple[RecordedCell, ...]:
    """The records of one comparable set with their names, which get longer where different things would have the
    same name: another version of an encoder is another curve, another preparation of a clip another sequence."""
    labels = _told_apart([(record.codec.label, _versions(record)) for record in records])
    clips = [record.clip for record in records]
    sequences = _told_apart([(clip.source.sequence, clip.rgb_sha256[:8]) for clip in clips])
    points = _rate_points(labels, [record.codec.parameters for record in records])
    cells = [RecordedCell(*names) for names in zip(records, sequences, labels, points, strict=True)]
    return tuple(sorted(cells, key=lambda cell: (cell.sequence, *_codec_order(cell))))


def _versions(record: Record) -> str:
    """The versions of the codec and of its tools, in words."""
    tools = [f"{tool} {version}" for tool, version in sorted(record.codec.tools.items())]
    return ", ".join([f"version {record.codec.version}", *tools])


def _told_apart(names: Sequence[tuple[str, str]]) -> list[str]:
    """Each name, or ``name (detail)`` where a name comes with several details."""
    details: dict[str, set[str]] = defaultdict(set)
    for name, detail in names:
        details[name].add(detail)
    return [name if len(details[name]) == 1 else f"{name} ({detail})" for name, detail in names]


def _rate_points(labels: Sequence[str], parameters: Sequence[dict[str, object]]) -> list[str]:
    """The rate point of each record: the first parameter that alone tells the points of its curve apart, or else
    all parameters that vary along the curve."""
    points: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for label, chosen in zip(labels, parameters, strict=True):
        points[label].add(tuple(f"{name}={value!r}" for name, value in chosen.items()))
        for name, value in chosen.items():
            values[label, name].add(repr(value))
    return [
        ", ".join(f"{name}={chosen[name]}" for name in _telling_parameters(label, chosen, len(points[label]), values))
        for label, chosen in zip(labels, parameters, strict=True)
    ]


def _telling_parameters(
    label: str, names: Iterable[str], points: int, values: dict[tuple[str, str], set[str]]
) -> list[str]:
    varying = [name for name in names if len(values[label, name]) > 1]
    alone = [name for name in varying if len(values[label, name]) == points]
    return alone[:1] or varying


def _rate(cell: RecordedCell) -> float:
    return cell.bits_per_pixel


def _codec_order(cell: RecordedCell) -> tuple[int, str, str, int, float, str, str]:
    name = cell.record.codec.name
    place = CODEC_ORDER.index(name) if name in CODEC_ORDER else len(CODEC_ORDER)
    return place, name, cell.label, cell.record.seed, cell.bits_per_pixel, cell.rate_point, cell.record.key
