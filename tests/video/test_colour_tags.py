"""Which conversion the tags of a file ask for, and what is said where it is another one."""

from __future__ import annotations

import pytest

from bench.video.colour import Matrix
from bench.video.colour_tags import ColourTags, tag_notes, tagged_matrix


@pytest.mark.parametrize(
    ("tags", "matrix"),
    [
        (ColourTags(), "bt601"),
        (ColourTags("smpte170m", "smpte170m", "smpte170m"), "bt601"),
        (ColourTags("bt470bg", "bt470bg", "bt709"), "bt601"),
        (ColourTags("bt709", "bt709", "bt709"), "bt709"),
        (ColourTags("bt709", "bt709", "iec61966-2-1"), "bt709"),
        (ColourTags("bt2020nc", "bt2020", "bt2020-10"), "bt2020"),
        (ColourTags("bt2020nc", "bt2020", "smpte2084"), None),
        (ColourTags("bt2020nc", "bt2020", "arib-std-b67"), None),
        (ColourTags("unknown", "unknown", "smpte2084"), None),
        (ColourTags("bt709", "bt709", "linear"), None),
        (ColourTags("bt2020c", "bt2020", "bt2020-10"), None),
        (ColourTags("ictcp", "bt2020", "bt709"), None),
        (ColourTags("ycgco", "bt709", "bt709"), None),
        (ColourTags("smpte240m", "smpte240m", "bt709"), None),
        (ColourTags("fcc", "bt470m", "bt470m"), None),
        (ColourTags("gbr", "bt709", "bt709"), None),
    ],
)
def test_a_tag_asks_for_its_own_conversion(tags: ColourTags, matrix: Matrix | None) -> None:
    """Or for none of those that there are: HDR, constant luminance, and rare matrices."""
    assert tagged_matrix(tags) == matrix


def test_notes_name_the_tag_and_the_conversion() -> None:
    """Where they differ, and nowhere else."""
    assert tag_notes(ColourTags("bt709", "bt709", "bt709"), "bt709") == []
    assert tag_notes(ColourTags("bt709", "bt709", "bt709"), "bt601") == ["tagged BT.709, but RGB is made by BT.601"]
    assert tag_notes(ColourTags("ictcp"), "bt709") == ["tagged ictcp, but RGB is made by BT.709"]
    assert tag_notes(ColourTags(), "bt709") == []


def test_notes_name_what_makes_rgb_values_others() -> None:
    """HDR and a wide gamut."""
    assert tag_notes(ColourTags("bt2020nc", "bt2020", "smpte2084"), "bt2020") == [
        "tagged PQ, so that RGB values are not those of an SDR picture",
        "RGB values are of the primaries bt2020",
    ]
    assert tag_notes(ColourTags("bt709", "smpte432", "bt709"), "bt709") == ["RGB values are of the primaries smpte432"]
