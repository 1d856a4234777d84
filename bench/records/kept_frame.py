"""One frame of each cell, kept as PNG: what a report shows of pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..dataset import Clip
from ..errors import StoreError
from ..files import write_bytes
from ..video import colour
from ..video.colour import Matrix
from ..video.raw import Frame, RawVideo
from .record import KeptFile, KeptFrame
from .store import Store


def kept_frame_index(transient_share: Sequence[float | None]) -> int:
    """The frame to keep, which the source alone decides: the first of those with the most transient pixels.
    None is a frame without regions; where no frame has any, it is the first."""
    shares = [-1.0 if share is None else share for share in transient_share]
    return max(range(len(shares)), key=shares.__getitem__, default=0)


def keep_frame(
    store: Store, name: str, clip: Clip, decoded: RawVideo, index: int, transient: NDArray[np.bool_], scratch: Path
) -> KeptFrame:
    """Keep frame ``index`` of ``decoded`` and of the clip, in RGB, and the clip's ``transient`` pixels in it, a
    mask of shape (height, width). ``name`` is the cell's; the clip's files are written once."""
    of_clip = f"{clip.source.dataset}-{clip.source.sequence}-{clip.rgb_sha256[:12]}-{index:04d}"
    return KeptFrame(
        index,
        decoded=_keep(store, name, frame_in_rgb(decoded, index, clip.matrix, scratch)),
        source=_keep(store, f"{of_clip}-source", clip.rgb.read_frame(index)[0]),
        transient=_keep(store, f"{of_clip}-transient", transient),
    )


def frame_in_rgb(video: RawVideo, index: int, matrix: Matrix, scratch: Path) -> Frame:
    """One frame in RGB, by the conversion that all frames take when they are measured."""
    planes = video.read_frame(index)
    alone = RawVideo(scratch / "kept.raw", replace(video.format, frames=1))
    alone.path.write_bytes(b"".join(plane.tobytes() for plane in planes))
    ((rgb,),) = colour.converted_frames(alone, "rgb24", matrix)
    return rgb


def _keep(store: Store, name: str, picture: NDArray[Any]) -> KeptFile:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "png")
    content = buffer.getvalue()
    path = store.kept_frame_path(name)
    if not path.exists() or path.read_bytes() != content:
        write_bytes(path, content)
    return KeptFile(str(path.relative_to(store.root)), hashlib.sha256(content).hexdigest())


def read_kept(root: Path, kept: KeptFile) -> NDArray[Any]:
    """The picture in a file below ``root``. Raises `StoreError` unless it is there and what it was when it
    was written."""
    path = root / kept.path
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{kept.path} is not there. Run its cell again to make it.") from error
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise StoreError(f"{kept.path} is not the file that its record names. Delete it, and run its cell again.")
    return np.asarray(Image.open(io.BytesIO(content)))
