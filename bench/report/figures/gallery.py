"""All pictures of a comparable set, and why some are absent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...analysis.comparable import ComparableSet
from ...analysis.pairs import Pairs
from .crops import crops_pictures
from .curves import rd_pictures
from .heat_map import heat_map_pictures
from .overhead import overhead_picture
from .per_frame import per_frame_picture
from .picture import Picture, RateAxis, Styles
from .region_gain import has_regions, region_gain_picture
from .training import training_picture


@dataclass(frozen=True)
class Gallery:
    """The pictures of a comparable set. ``absent`` says in sentences why some pictures are missing."""

    pictures: list[Picture]
    absent: list[str]


def all_pictures(
    group: ComparableSet, compared: Pairs, styles: Styles, root: Path | None = None, rate_axis: RateAxis = "log"
) -> Gallery:
    """All pictures of ``group``. ``compared`` has all pairs of its codecs; ``root`` is the results directory, where
    kept frames are."""
    if not group.measured:
        return Gallery([], [])
    crops, absent = crops_pictures(group, root)
    if not has_regions(group):
        absent.append("No comparison of transient and persistent regions: the records have no PSNR by region.")
    pictures = [
        *rd_pictures(group, styles, rate_axis),
        *heat_map_pictures(group, compared),
        *region_gain_picture(group),
        *crops,
        *per_frame_picture(group, styles),
        *training_picture(group, styles),
        *overhead_picture(group),
    ]
    return Gallery(pictures, absent)
