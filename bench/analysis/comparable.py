"""Which records may stand side by side: comparable sets, and the curves within them.

A comparable set holds the records that were measured under the same `Conditions`, and that are all at full
scale or all not. Numbers from different sets never share a table or a picture. Several presets may share a
set: what they differ in, as the length of training, is told by the labels of curves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..records.record import Record
from ..registry import unknown
from ..video.colour import PUBLISHED_MATRIX, matrix_name
from .conditions import Conditions, at_full_scale, conditions, scaling
from .labels import curve_labels, rate_points, sequence_names

CODEC_ORDER = ("nerv", "e-nerv", "res-nerv", "res-e-nerv", "x264", "x265", "svt-av1", "vvenc")
"""The order of codecs in tables and legends. Other codecs follow by name."""

METRICS = {"psnr_rgb": "PSNR", "ms_ssim_rgb_db": "MS-SSIM (dB)"}
"""The metrics of curves and BD-rates, with their names. MS-SSIM is used in dB, -10 log10(1 - MS-SSIM), since on
its own scale all good values crowd together below 1."""

MORE_METRICS = {
    "vmaf_v1": "VMAF v1",
    "vmaf_v0": "VMAF v0.6.1",
    "vmaf_v0_neg": "VMAF v0.6.1 NEG",
    "xpsnr_y": "XPSNR of Y (dB)",
    "xpsnr_u": "XPSNR of U (dB)",
    "xpsnr_v": "XPSNR of V (dB)",
    "ssim_y": "SSIM of Y",
    "ssim_yuv": "SSIM",
    "psnr_y": "PSNR of Y (dB)",
    "psnr_yuv_611": "PSNR 6:1:1 (dB)",
}
"""Names of other metrics. One that is in none of the two stands under the name that it has in records."""
NO_QUALITY = frozenset({"transient_share"})
"""What records hold beside metrics of quality."""


def chosen_metrics(records: Iterable[Record], more: Iterable[str] = ()) -> dict[str, str]:
    """`METRICS` and ``more``, with their names. Raises `UsageError` for one that no record has."""
    known = {name for record in records if record.quality for name in record.quality.clip} - NO_QUALITY
    chosen = dict(METRICS)
    for metric in more:
        if metric not in known:
            raise unknown("metric", metric, sorted(known))
        chosen[metric] = chosen.get(metric) or MORE_METRICS.get(metric, metric)
    return chosen


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
    """Records that may be compared. ``full_scale`` says whether they are of whole sequences, under presets at full
    scale. ``distinction`` tells this set from another one whose name would be the same, in words."""

    conditions: Conditions
    full_scale: bool
    distinction: str
    cells: tuple[RecordedCell, ...]
    metrics: Mapping[str, str] = field(default_factory=lambda: METRICS)
    """The metrics of curves and BD-rates, with their names."""

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return self.conditions.dataset

    @property
    def width(self) -> int:
        """The width of the frames, in pixels."""
        return self.conditions.width

    @property
    def height(self) -> int:
        """The height of the frames, in pixels."""
        return self.conditions.height

    @property
    def frames(self) -> int:
        """The number of frames of each sequence."""
        return self.conditions.frames

    @property
    def slug(self) -> str:
        """A name for files, which no other set of the same report has."""
        return "-".join([self.conditions.slug, *re.findall(r"\w+", self.distinction)])

    @property
    def extent(self) -> str:
        """The length and the size, in words."""
        return ", ".join(filter(None, [self.conditions.extent, self.distinction]))

    @cached_property
    def presets(self) -> list[str]:
        """The names of the presets, sorted."""
        return sorted({cell.record.preset.name for cell in self.cells})

    @cached_property
    def preset_digests(self) -> list[str]:
        """The digests of the presets' contents, sorted."""
        return sorted({cell.record.preset.digest for cell in self.cells})

    @property
    def presets_and_extent(self) -> str:
        """The presets and the extent, in words."""
        *others, last = self.presets
        names = f"presets {', '.join(others)} and {last}" if others else f"preset {last}"
        return f"{names}, {self.extent}"

    @property
    def title(self) -> str:
        """The heading."""
        return f"{self.dataset}, {self.presets_and_extent}"

    @property
    def stamp(self) -> str:
        """The presets and the extent, and what the numbers must not be compared with."""
        sources = "".join(f"; {kind} source: {', '.join(names)}" for kind, names in self.altered.items())
        if not self.full_scale:
            return (
                f"{self.change}: {self.presets_and_extent}{sources}; not comparable with published full-scale figures"
            )
        return self.presets_and_extent + sources + ("; not comparable with published figures" if self.warned else "")

    @property
    def change(self) -> str:
        """What was done to the frames of a set that is not at full scale, in words."""
        return "enlarged" if all(cell.record.clip.enlarged_from for cell in self.cells) else "scaled down"

    @property
    def warned(self) -> bool:
        """Whether some of the numbers must not be compared with published ones, so that the stamp must be seen."""
        return not self.full_scale or bool(self.altered) or self.conditions.matrix != PUBLISHED_MATRIX

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

    @cached_property
    def source_notes(self) -> tuple[str, ...]:
        """What must be known of the clips to read their numbers, a sentence for each sequence that has any."""
        notes = {cell.sequence: cell.record.clip.notes for cell in self.cells if cell.record.clip.notes}
        return tuple(f"{sequence}: {'; '.join(words)}." for sequence, words in notes.items())

    def not_published(self, sequence: str) -> str | None:
        """The reason why figures on ``sequence`` cannot be compared with published ones; None if they can."""
        if not self.full_scale:
            reasons = dict.fromkeys(scaling(cell.record) for cell in self.cells if cell.sequence == sequence)
            return f"{self.change} ({'; '.join(reasons)})"
        if self.conditions.matrix != PUBLISHED_MATRIX:
            return f"RGB by {matrix_name(self.conditions.matrix)}"
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


def comparable_sets(records: Iterable[Record], metrics: Mapping[str, str] = METRICS) -> list[ComparableSet]:
    """The records sorted into comparable sets: those at full scale first, then by name."""
    members: dict[tuple[Conditions, bool], list[Record]] = defaultdict(list)
    for record in records:
        members[conditions(record), at_full_scale(record)].append(record)
    named_alike: dict[str, list[tuple[Conditions, bool]]] = defaultdict(list)
    for key in members:
        named_alike[key[0].slug].append(key)
    groups = [
        ComparableSet(*key, _distinction(key, named_alike[key[0].slug]), _cells(records), metrics)
        for key, records in members.items()
    ]
    return sorted(groups, key=lambda group: (not group.full_scale, group.slug))


def _distinction(key: tuple[Conditions, bool], alike: Sequence[tuple[Conditions, bool]]) -> str:
    """What tells one comparable set from others whose slug would be the same, in words: what seldom differs. It
    is empty where the slug alone is enough."""
    words = []
    if len({where.frame_rate for where, _ in alike}) > 1:
        words.append(f"{float(key[0].frame_rate):g} frames a second")
    if len({full_scale for _, full_scale in alike}) > 1:
        words.append("full scale" if key[1] else "not full scale")
    return ", ".join(words)


def _cells(records: Sequence[Record]) -> tuple[RecordedCell, ...]:
    """The records of one comparable set with their names, in the order of tables."""
    labels = curve_labels(records)
    names = zip(records, sequence_names(records), labels, rate_points(labels, records), strict=True)
    return tuple(sorted((RecordedCell(*name) for name in names), key=lambda cell: (cell.sequence, *_codec_order(cell))))


def _rate(cell: RecordedCell) -> float:
    return cell.bits_per_pixel


def _codec_order(cell: RecordedCell) -> tuple[int, str, str, int, float, str, str]:
    name = cell.record.codec.name
    place = CODEC_ORDER.index(name) if name in CODEC_ORDER else len(CODEC_ORDER)
    return place, name, cell.label, cell.record.seed, cell.bits_per_pixel, cell.rate_point, cell.record.key
