"""What `bench` offers to Python, for notebooks: records as a table, and clips as a run prepares them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .analysis.records_data import records_data
from .dataset import Clip, ClipWindow
from .errors import UsageError
from .records.store import Store
from .registry import open_dataset, unknown
from .sources.cache import cache_folder
from .video.colour import Matrix


def read_records(results_dir: Path | str) -> pd.DataFrame:
    """The records of a results directory, one row each, in the order of their file names.

    The columns are those of the report's ``tables/records.csv``: the fields of `bench.records.record.Record`
    under dotted names such as ``quality.clip.psnr_rgb``, without values by frame, training curves and notes.
    What cannot be read is named on standard error. Raises `UsageError` if there are no records.
    """
    records = Store(Path(results_dir)).records()
    if not records:
        raise UsageError(f"There are no records in {results_dir}. Name a directory that `bench run` filled.")
    return records_data(records)


def open_clip(
    dataset: Path | str,
    sequence: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    crop: tuple[int, int] | None = None,
    frames: int | None = None,
    matrix: Matrix | None = None,
    data_root: Path | str | None = None,
) -> Clip:
    """The clip that `bench run` would give to codecs, prepared in the same cache.

    ``dataset`` is a name or a path to videos; ``sequence`` may be left out where there is only one. The first
    ``frames`` are taken, of each the window ``crop`` in its middle, scaled to ``size``; both are (width, height)
    in pixels. ``matrix`` is between YUV and RGB; None is what the file's tags ask for, or else the papers'. What is
    not stated stays as it is in the source. Raises `UsageError` for a name that does not exist
    or a window that does not fit, `SourceError` if the video is missing or cannot be read.
    """
    if frames is not None and frames < 1:
        raise UsageError(f"frames must be at least 1, not {frames}.")
    opened = open_dataset(str(dataset), None if data_root is None else Path(data_root))
    if sequence is None and len(opened.sequences) > 1:
        raise UsageError(f"{opened.name} has several sequences. Name one of {', '.join(opened.sequences)}.")
    chosen = opened.sequences[0] if sequence is None else sequence
    if chosen not in opened.sequences:
        raise unknown(f"sequence of {opened.name}", chosen, list(opened.sequences))
    opened.check([chosen])
    width, height = size or (None, None)
    return opened.open(chosen, ClipWindow(width, height, frames, crop), cache_folder(), matrix)
