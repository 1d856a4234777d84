"""What a file says of its colours, and which conversion to RGB follows from that."""

from __future__ import annotations

from dataclasses import dataclass

from .colour import PUBLISHED_MATRIX, Matrix, matrix_name

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ColourTags:
    """What a file says of its colours, in ffmpeg's names: the matrix between YUV and RGB, the primaries, and the
    transfer characteristics (ITU-T H.273)."""

    matrix: str = UNKNOWN
    primaries: str = UNKNOWN
    transfer: str = UNKNOWN


TAGGED: dict[str, Matrix] = {"bt470bg": "bt601", "smpte170m": "bt601", "bt709": "bt709", "bt2020nc": "bt2020"}
"""The conversion that a tag stands for."""
UNTAGGED = (UNKNOWN, "reserved", "unspecified")
SDR_TRANSFERS = (
    *UNTAGGED,
    *("bt709", "smpte170m", "bt470m", "bt470bg", "iec61966-2-1", "iec61966-2-4", "bt1361e", "bt2020-10", "bt2020-12"),
)
SDR_PRIMARIES = (*UNTAGGED, "bt709", "smpte170m", "bt470m", "bt470bg", "smpte240m")
HDR_TRANSFERS = {"smpte2084": "PQ", "arib-std-b67": "HLG"}


def tagged_matrix(tags: ColourTags) -> Matrix | None:
    """The conversion that the tags of a file ask for: the published one where none is stated, and None where none of
    `MATRICES` converts truly.

    >>> tagged_matrix(ColourTags("bt709", "bt709", "bt709")), tagged_matrix(ColourTags())
    ('bt709', 'bt601')
    """
    if tags.transfer not in SDR_TRANSFERS:
        return None
    return PUBLISHED_MATRIX if tags.matrix in UNTAGGED else TAGGED.get(tags.matrix)


def tag_notes(tags: ColourTags, matrix: Matrix) -> list[str]:
    """What is to be said of a video with these tags whose RGB is made by ``matrix``; nothing where they agree."""
    notes = []
    if tags.matrix not in UNTAGGED and TAGGED.get(tags.matrix) != matrix:
        meant = matrix_name(TAGGED[tags.matrix]) if tags.matrix in TAGGED else tags.matrix
        notes.append(f"tagged {meant}, but RGB is made by {matrix_name(matrix)}")
    if tags.transfer not in SDR_TRANSFERS:
        named = HDR_TRANSFERS.get(tags.transfer, tags.transfer)
        notes.append(f"tagged {named}, so that RGB values are not those of an SDR picture")
    if tags.primaries not in SDR_PRIMARIES:
        notes.append(f"RGB values are of the primaries {tags.primaries}")
    return notes
