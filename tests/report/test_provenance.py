"""What a report says about the colour of its sources, and about networks that pad."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted import clip, curve

from bench.analysis.comparable import comparable_sets
from bench.report.tables.cost import decoding_tables
from bench.report.tables.provenance import provenance
from bench.video.colour import Difference


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"rgb_difference": Difference(8, 0, 0.0, 0.0)}, "RGB made from YUV by BT.601, bit for bit as in the papers"),
        ({"rgb_difference": Difference(8, 3, 0.7, 0.88)}, "differ from the papers' conversion by up to 3 (48.69 dB)"),
        ({"rgb_difference": None, "matrix": "bt709"}, "RGB made from yuv420p by BT.709, as swscale does"),
        ({"rgb_ceiling_db": 46.24}, "caps the PSNR of codecs that are given YUV at 46.24 dB"),
    ],
)
def test_colour_is_stated(facts: dict[str, object], said: str) -> None:
    """Each clip has one sentence about its colour: exact, measured to differ, not comparable, or made from RGB."""
    where = replace(clip(), **facts)  # type: ignore[arg-type]
    (line,) = provenance(curve("x265", where=where))["Colour"]
    assert line.startswith("bunny/bunny: ")
    assert said in line


def test_padding_is_stated() -> None:
    """Codecs that pad are named under the table that has their MACs."""
    records = [replace(one, notes={"padded_to": "320x192"}) for one in curve("nerv")]
    (group,) = comparable_sets([*records, *curve("x265")])
    (table,) = decoding_tables(group)
    assert any(note.startswith("nerv make pictures of 320x192, which are cropped") for note in table.notes)
