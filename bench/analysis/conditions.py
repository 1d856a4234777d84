"""Under which conditions a record was measured: only records under the same conditions may stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..dataset import ClipWindow
from ..records.record import Record
from ..video.colour import PUBLISHED_MATRIX, Matrix, matrix_name


@dataclass(frozen=True)
class Conditions:
    """What was measured. ``width`` and ``height`` are those of the frames that were coded, in pixels; ``crop`` is
    the window of the source that they show, None for all of it; ``frame_rate`` is in frames a second. Neither the
    preset nor its contents decide: they only choose among these and the codecs' parameters."""

    dataset: str
    width: int
    height: int
    frames: int
    frame_rate: Fraction
    crop: tuple[int, int] | None
    matrix: Matrix

    @property
    def order(self) -> tuple[str, int, int, int, Fraction, tuple[int, int], str]:
        """A key to sort by, which is the same for equal conditions only."""
        crop = self.crop or (0, 0)
        return self.dataset, self.width, self.height, self.frames, self.frame_rate, crop, self.matrix

    @property
    def slug(self) -> str:
        """A name for files."""
        crop = f"-crop-{self.crop[0]}x{self.crop[1]}" if self.crop else ""
        matrix = f"-{self.matrix}" if self.matrix != PUBLISHED_MATRIX else ""
        return f"{self.dataset}-{self.width}x{self.height}x{self.frames}{crop}{matrix}"

    @property
    def how_made(self) -> str:
        """How the frames were made, in words, where that is not plain from their size: empty, or begins with a
        comma."""
        crop = f", cropped to {self.crop[0]}x{self.crop[1]}" if self.crop else ""
        matrix = f", RGB by {matrix_name(self.matrix)}" if self.matrix != PUBLISHED_MATRIX else ""
        return crop + matrix

    @property
    def extent(self) -> str:
        """The length and the size, in words."""
        return f"{self.frames} frames of {self.width}x{self.height}{self.how_made}"


def conditions(record: Record) -> Conditions:
    """The conditions under which a record was measured."""
    clip = record.clip
    form = clip.rgb.format
    return Conditions(
        clip.source.dataset, form.width, form.height, form.frames, form.frame_rate, clip.cut.crop, clip.matrix
    )


def at_full_scale(record: Record) -> bool:
    """Whether a record is of a whole sequence as it is, under a preset that is at full scale."""
    return record.preset.full_scale and record.clip.cut == ClipWindow()


def scaling(record: Record) -> str:
    """All that keeps a record from being at full scale, in words; empty where nothing does."""
    clip, preset = record.clip, record.preset
    form, cut = clip.rgb.format, clip.cut
    reasons = []
    if form.frames < clip.source.frames:
        reasons.append(f"{form.frames} of {clip.source.frames} frames")
    if cut.crop:
        reasons.append(f"cropped to {cut.crop[0]}x{cut.crop[1]}")
    if cut.width or cut.height:
        reasons.append(f"{'enlarged' if clip.enlarged_from else 'scaled'} to {form.width}x{form.height}")
    elif not (cut.crop or preset.full_scale or clip.source.size):
        reasons.append(f"{form.width}x{form.height}")  # older records do not say how their clip was cut
    if not preset.full_scale:
        reasons.append(f"preset {preset.name} is not at full scale")
    return ", ".join(reasons)
