"""What a run would do, by what records say: no video is opened, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ..codec import Codec
from ..dataset import ClipWindow, Dataset
from ..records import environment
from ..records.record import SCHEMA, Record
from ..records.store import Store
from ..video.colour import Matrix
from ..video.raw import VideoFormat
from .estimate import estimate_seconds, in_words
from .plan import LabelledPoint
from .schedule import Rerun, is_wanted, lacked_metrics


@dataclass(frozen=True)
class AskedClip:
    """A clip that was not made yet. ``format`` is None if the number of the sequence's frames is not known."""

    dataset: str
    sequence: str
    window: ClipWindow
    matrix: Matrix
    format: VideoFormat | None

    def is_of(self, record: Record) -> bool:
        """Whether the record's clip is this one."""
        clip = record.clip
        return (
            (clip.source.dataset, clip.source.sequence) == (self.dataset, self.sequence)
            and clip.cut.equals(self.window, clip.yuv.format, clip.source.frames)
            and clip.matrix == self.matrix
        )


def asked_clip(dataset: Dataset, sequence: str, window: ClipWindow, matrix: Matrix | None) -> AskedClip:
    """The clip that ``dataset`` would open. Raises `SourceError` where it would not know how to convert it to RGB."""
    full = dataset.listing(sequence).format
    frames = (full.frames or window.frames) if full else None
    form = window.format_of(replace(full, frames=frames)) if full and frames else None
    return AskedClip(dataset.name, sequence, window, matrix or dataset.default_matrix(sequence), form)


@dataclass(frozen=True)
class ListedCell:
    """``wanted`` says whether the cell would be run, and ``seconds`` how long that would take, if records tell.
    ``lacked`` are the metrics that a finished cell would get."""

    name: str
    wanted: bool
    seconds: float | None
    lacked: list[str]


def listing(
    points: Sequence[LabelledPoint],
    clips: Iterable[AskedClip],
    seeds: Sequence[int],
    rerun: Rerun,
    metrics: Sequence[str],
    store: Store,
) -> list[ListedCell]:
    """Each cell of a run once, in its order."""
    records = store.records()
    machine = environment.describe().machine
    here = [record for record in records if record.status == "ok" and record.environment.machine == machine]
    cells: dict[tuple[AskedClip, Codec, int], ListedCell] = {}
    for clip in clips:
        of_clip = [record for record in records if clip.is_of(record)]
        video = clip.format or (of_clip[0].clip.yuv.format if of_clip else None)
        for seed, at in product(seeds, points):
            record = answer(of_clip, at.codec, seed)
            wanted = is_wanted(record, store, rerun)
            lacked = lacked_metrics(record, store, rerun, metrics)
            own_seed = f"seed={seed}" if at.codec.seeded and len(seeds) > 1 else ""
            name = " ".join(filter(None, [f"{clip.dataset}/{clip.sequence}", at.label, at.point, own_seed]))
            seconds = estimate_seconds(at.codec, video, here) if wanted and video else None
            cells.setdefault(
                (clip, at.codec, seed if at.codec.seeded else 0), ListedCell(name, wanted, seconds, lacked)
            )
    return list(cells.values())


def answer(records: Iterable[Record], codec: Codec, seed: int) -> Record | None:
    """The record, among those of one clip, of this codec at this rate point with this seed."""
    asked = (SCHEMA, codec.name, codec.version, codec.parameters(), codec.tools())
    for record in records:
        facts = record.codec
        if asked == (record.schema, facts.name, facts.version, facts.parameters, facts.tools) and (
            record.seed == seed or not codec.seeded
        ):
            return record
    return None


def described(cells: Sequence[ListedCell]) -> list[str]:
    """A line for each cell, and one for the sum of what they will take."""
    lines = []
    for cell in cells:
        cost = f": about {in_words(cell.seconds)}" if cell.seconds is not None else ""
        more = f", but for {', '.join(cell.lacked)}" if cell.lacked else ""
        lines.append(f"to do  {cell.name}{cost}" if cell.wanted else f"done   {cell.name}{more}")
    wanted = [cell for cell in cells if cell.wanted]
    known = [cell.seconds for cell in wanted if cell.seconds is not None]
    total = f"{len(wanted)} of {len(cells)} cells to do"
    if known:
        total += f": about {in_words(sum(known))}, as records of this machine have it"
    if unknown := len(wanted) - len(known):
        total += f"; no record of this machine tells how long {unknown} of them take"
    return [*lines, f"{total}."]
