"""Display matrices: how a file says that its pictures are to be turned or mirrored."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from ..errors import StreamError
from . import ffmpeg

ONE = 1 << 16
"""The number 1 in the fixed point of a display matrix (ISO/IEC 14496-12, 6.2.2)."""


@dataclass(frozen=True)
class Orientation:
    """``filters`` are those of ffmpeg that turn or mirror a picture so, each with its arguments. ``words`` say it."""

    words: str
    filters: tuple[tuple[str, ...], ...]

    @property
    def turns(self) -> bool:
        """Whether width and height change places."""
        return any(name == "transpose" for name, *_ in self.filters)

    def apply(self, stream: Any) -> Any:
        """The ffmpeg-python stream ``stream``, turned or mirrored."""
        for name, *arguments in self.filters:
            stream = stream.filter(name, *arguments)
        return stream


ORIENTATIONS: dict[tuple[int, int, int, int], Orientation | None] = {
    (1, 0, 0, 1): None,
    (0, 1, -1, 0): Orientation("turned clockwise by 90 degrees", (("transpose", "clock"),)),
    (-1, 0, 0, -1): Orientation("turned by 180 degrees", (("hflip",), ("vflip",))),
    (0, -1, 1, 0): Orientation("turned counterclockwise by 90 degrees", (("transpose", "cclock"),)),
    (-1, 0, 0, 1): Orientation("mirrored left to right", (("hflip",),)),
    (1, 0, 0, -1): Orientation("mirrored top to bottom", (("vflip",),)),
    (0, 1, 1, 0): Orientation("mirrored along its diagonal", (("transpose", "cclock_flip"),)),
    (0, -1, -1, 0): Orientation("mirrored along its other diagonal", (("transpose", "clock_flip"),)),
}
"""What the first two numbers of the first two rows of a display matrix mean: where a step to the right leads, and where
a step down leads, both as (right, down)."""


def orientation(stream: Any, name: str) -> Orientation | None:
    """The orientation of ``stream``, an ffmpeg-python input that ffmpeg does not turn by itself and that messages call
    ``name``; None if it is shown as it is stored.

    ffmpeg prints no more than an angle, which is the same for a turn and for some mirrorings. So it is made to write
    the matrix into the header of a QuickTime file. Raises `StreamError` for a matrix that does anything else than turn
    by quarters and mirror, and `ToolError` if ffmpeg fails.
    """
    output = stream.output(
        "-",
        format="mov",
        vcodec="mpeg4",
        pix_fmt="yuv420p",
        movflags="frag_keyframe+empty_moov",
        **{"frames:v": 1},
    )
    a, b, _, c, d, *_ = display_matrix(ffmpeg.run(output, f"Reading the orientation of {name}").stdout)
    key = (a // ONE, b // ONE, c // ONE, d // ONE)
    if key not in ORIENTATIONS or any(value % ONE for value in (a, b, c, d)):
        raise StreamError(
            f"{name} is to be shown turned, stretched or slanted by a display matrix ({_text(a, b)}; {_text(c, d)}) "
            "that is no quarter turn and no mirroring. Such frames would have to be computed anew. Take the matrix "
            f"out, to have the stored frames: ffmpeg -display_rotation 0 -i {name} -c copy new.mp4."
        )
    return ORIENTATIONS[key]


def display_matrix(mov: bytes) -> tuple[int, ...]:
    """The nine numbers of the display matrix in the first track header of a QuickTime file, in fixed point."""
    start = mov.index(b"tkhd") + 4
    matrix = start + (40 if mov[start] == 0 else 52)
    return struct.unpack(">9i", mov[matrix : matrix + 36])


def _text(first: int, second: int) -> str:
    return f"{first / ONE:.3g} {second / ONE:.3g}"
