"""Which records share a comparable set, and which of them share a curve."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from planted import PAPER, QUICK, RATES, clip, curve, only, record

from bench.analysis.comparable import ComparableSet, comparable_sets
from bench.analysis.conditions import scaling
from bench.analysis.pairs import anchors
from bench.dataset import Clip, ClipWindow
from bench.files import from_builtins, to_builtins
from bench.records.record import Record
from bench.report.content import content
from bench.video.colour_tags import ColourTags

EDITED = replace(QUICK, digest="00" * 32)
"""The preset quick after its file was edited."""
MINE = replace(QUICK, name="mine", digest="11" * 32)


def with_parameters(records: list[Record], **parameters: Any) -> list[Record]:
    """The records with further parameters of their codec."""
    return [replace(one, codec=replace(one.codec, parameters=one.codec.parameters | parameters)) for one in records]


def labels(records: list[Record]) -> dict[str, int]:
    """The labels of the curves of the records, with the number of their points."""
    return {curve.label: len(curve.cells) for curve in only(records).curves}


def cut(window: ClipWindow, width: int = 160, height: int = 90) -> Clip:
    """Bunny at a size, cut by a window."""
    return replace(clip(width=width, height=height), cut=window)


def at(frame_rate: int) -> Clip:
    """Bunny with another frame rate."""
    where = clip()
    form = replace(where.rgb.format, frame_rate=Fraction(frame_rate))
    return replace(where, rgb=replace(where.rgb, format=form))


# --- Sets


@pytest.mark.parametrize(
    "other",
    [
        {"where": clip("uvg", "beauty")},
        {"where": clip(width=640)},
        {"where": clip(frames=16)},
        {"where": at(50)},
        {"where": replace(clip(), matrix="bt709")},
        {"where": replace(clip(), cut=ClipWindow(crop=(320, 180)))},
        {"preset": PAPER},
    ],
)
def test_conditions_separate_sets(other: dict[str, Any]) -> None:
    """Another dataset, size, length, frame rate, colour matrix, crop or scale is another set, with other files and
    another title."""
    groups = comparable_sets([*curve("nerv"), *curve("nerv", **other)])
    assert len(groups) == 2
    assert len({group.slug for group in groups}) == len({group.title for group in groups}) == 2


def test_scaled_and_cropped_to_one_size_are_two_tests() -> None:
    """A clip that was scaled to 160x90 and one that was cropped to it are not averaged as two sequences."""
    scaled, cropped = cut(ClipWindow(160, 90)), replace(cut(ClipWindow(crop=(160, 90))), rgb_sha256="99" * 32)
    groups = comparable_sets([*curve("nerv", where=scaled), *curve("nerv", where=cropped)])
    assert [group.slug for group in groups] == ["bunny-160x90x32", "bunny-160x90x32-crop-160x90"]
    assert [group.extent for group in groups] == ["32 frames of 160x90", "32 frames of 160x90, cropped to 160x90"]
    assert [group.sequences for group in groups] == [["bunny"], ["bunny"]]


def test_presets_share_a_set() -> None:
    """Neither the name nor the contents of a preset separate records; stamp and title name all presets."""
    group = only([*curve("nerv"), *curve("x264", preset=EDITED), *curve("x265", preset=MINE)])
    assert group.title == "bunny, presets mine and quick, 32 frames of 320x180"
    assert group.stamp == (
        "scaled down: presets mine and quick, 32 frames of 320x180; not comparable with published full-scale figures"
    )
    assert group.slug == "bunny-320x180x32"
    rates = content([cell.record for cell in group.cells]).sections[0].rates[0].data
    assert dict(zip(rates["codec"], rates["preset"], strict=True)) == {"nerv": "quick", "x264": "quick", "x265": "mine"}


def test_full_scale_is_a_set_of_its_own() -> None:
    """Whole sequences under a preset at full scale never stand among scaled-down ones, not even at one size."""
    groups = comparable_sets([*curve("nerv"), *curve("nerv", preset=PAPER)])
    assert [(group.full_scale, group.slug) for group in groups] == [
        (True, "bunny-320x180x32-full-scale"),
        (False, "bunny-320x180x32-not-full-scale"),
    ]
    assert [group.stamp.startswith("scaled down") for group in groups] == [False, True]


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (ClipWindow(frames=32), "scaled down: preset paper, 32 frames of 320x180;"),
        (ClipWindow(crop=(640, 360)), "scaled down: preset paper, 32 frames of 320x180, cropped to 640x360;"),
    ],
)
def test_what_was_cut_by_hand_is_no_full_scale(window: ClipWindow, said: str) -> None:
    """A clip that was cropped, scaled or shortened by hand is stamped, also under a preset at full scale."""
    whole = only(curve("nerv", preset=PAPER))
    assert whole.full_scale
    group = only(curve("nerv", preset=PAPER, where=replace(clip(), cut=window)))
    assert not group.full_scale
    assert group.stamp.startswith(said)


def test_another_matrix_is_not_the_published_one() -> None:
    """Published figures are of RGB by BT.601, so that others are stamped even at full scale."""
    group = only(curve("nerv", preset=PAPER, where=replace(clip(), matrix="bt709")))
    assert group.stamp == ("preset paper, 32 frames of 320x180, RGB by BT.709; not comparable with published figures")
    assert group.not_published("bunny") == "RGB by BT.709"


def test_preparations_of_a_clip_are_different_sequences() -> None:
    """Frames with another digest are another sequence."""
    other = replace(clip(), rgb_sha256="99" * 32)
    assert only([*curve("x264"), *curve("x264", where=other)]).sequences == ["bunny (99999999)", "bunny (efefefef)"]


# --- What is said of sources


def with_source(where: Clip, **facts: Any) -> Clip:
    """The clip with other facts about its source."""
    return replace(where, source=replace(where.source, **facts))


def test_notes_on_sources_stand_under_every_table() -> None:
    """Of the sequences that have any, and in the table of sources."""
    noted = with_source(clip("mine", "a"), notes=("the frame rate varies",), colour=ColourTags("bt709"))
    made = content([*curve("nerv", where=noted), *curve("x265", where=clip("mine", "b"))])
    (section,) = made.sections
    said = "a: the frame rate varies; tagged BT.709, but RGB is made by BT.601."
    assert section.group.source_notes == (said,)
    tables = list(section.tables())
    assert len(tables) > 5
    assert all(said in table.notes for table in tables)
    assert made.provenance["Notes on sources"] == [
        "mine/a: the frame rate varies",
        "mine/a: tagged BT.709, but RGB is made by BT.601",
    ]
    assert "mine/a: RGB made from yuv420p by BT.601 (the file is tagged bt709)" in made.provenance["Colour"][0]
    assert not any("varies" in note for table in content(curve("nerv")).sections[0].rates for note in table.notes)


def test_what_was_enlarged_is_not_called_scaled_down() -> None:
    """And a source that a preset left as it was is not called scaled."""
    small = with_source(clip("mine", "a", 128, 96), size=(64, 48), frames=32)
    enlarged = only(curve("x265", preset=PAPER, where=replace(small, cut=ClipWindow(128, 96))))
    assert enlarged.stamp.startswith("enlarged: preset paper")
    assert enlarged.not_published("a") == "enlarged (enlarged to 128x96)"
    left = curve("x265", where=with_source(clip("mine", "a", 64, 48), size=(64, 48), frames=32))
    assert scaling(left[0]) == "preset quick is not at full scale"


def test_records_from_before_sources_had_notes_are_read() -> None:
    """They have none, and no size."""
    old = to_builtins(record("x265", 0.01))
    for name in ("size", "colour", "notes"):
        del old["clip"]["source"][name]
    read = from_builtins(old, Record)
    assert (read.clip.notes, read.clip.source.size, read.clip.source.colour) == ((), None, None)


# --- Curves


def test_versions_of_a_codec_are_different_curves() -> None:
    """Records of two releases of an encoder do not become one curve, whose label says what differs."""
    newer = [replace(r, codec=replace(r.codec, tools={"x264": "5.0"})) for r in curve("x264")]
    assert labels([*curve("x264"), *newer]) == {"x264 (x264 4.1)": 4, "x264 (x264 5.0)": 4}


@pytest.mark.parametrize("before", [1, 2, 3, 4])
def test_an_edited_preset_goes_on_with_its_curves(before: int) -> None:
    """Whether a comment was changed or rate points were added, the points before and after are one curve."""
    rates = (*RATES, 0.16, 0.32)
    old = [record("nerv", rate, point=i) for i, rate in enumerate(rates[:before])]
    new = [record("nerv", rate, point=i, preset=EDITED) for i, rate in enumerate(rates) if i >= before]
    assert labels([*old, *new]) == {"nerv": 6}


def test_trainings_of_different_length_are_different_curves() -> None:
    """What differs between presets but not along either curve stands in brackets, whoever has how many points."""
    old, new = with_parameters(curve("nerv"), epochs=20), with_parameters(curve("nerv", preset=EDITED), epochs=40)
    assert labels([*old, *new]) == {"nerv (epochs=20)": 4, "nerv (epochs=40)": 4}
    assert labels([*old, *new[3:]]) == {"nerv (epochs=20)": 4, "nerv (epochs=40)": 1}
    (one, *_) = new
    moved = replace(one, codec=replace(one.codec, parameters=one.codec.parameters | {"fc_dim": 99}))
    assert labels([*old, moved]) == {"nerv (epochs=20)": 4, "nerv (epochs=40)": 1}
    assert {cell.rate_point for cell in only([*old, moved]).cells} >= {"fc_dim=10", "fc_dim=13"}


def test_a_changed_default_makes_another_curve() -> None:
    """Under one preset, records of every rate point with two values of another parameter are two curves."""
    old, new = (with_parameters(curve("nerv"), target=target) for target in ("-0.2dB", "-0.1dB"))
    assert labels([*old, *new]) == {"nerv (target=-0.1dB)": 4, "nerv (target=-0.2dB)": 4}
    assert labels(with_parameters(old, recipe="short")) == {"nerv": 4}


def test_a_ladder_of_two_parameters_is_one_curve() -> None:
    """Rate points that no single parameter tells apart are one curve if their preset made them so."""
    steps = [(8, 32), (8, 64), (16, 64), (16, 128)]
    records = [
        with_parameters([one], fc_dim=fc_dim, stem_dim=stem_dim)[0]
        for one, (fc_dim, stem_dim) in zip(curve("nerv"), steps, strict=True)
    ]
    assert labels(records) == {"nerv": 4}
    assert [cell.rate_point for cell in only(records).cells] == [f"fc_dim={a}, stem_dim={b}" for a, b in steps]


def test_parameters_that_a_record_lacks_are_named() -> None:
    """A record from before a parameter existed is of another curve than one that has it."""
    new = with_parameters(curve("nerv", preset=EDITED), pruned=0.0)
    assert labels([*curve("nerv"), *new]) == {"nerv (no pruned)": 4, "nerv (pruned=0.0)": 4}


# --- Schemas


def older(records: list[Record]) -> list[Record]:
    """The records as an older program would have written them."""
    return [replace(one, schema=1) for one in records]


def test_schemas_do_not_share_a_curve() -> None:
    """A record of an older schema is marked, also where no newer one has its label."""
    assert labels([*older(curve("nerv")), *curve("nerv")]) == {"nerv (schema 1)": 4, "nerv": 4}
    assert labels([*older(curve("nerv"))[:2], *curve("nerv")[2:]]) == {"nerv (schema 1)": 2, "nerv": 2}
    assert set(labels([*older(curve("nerv")), *curve("x265")])) == {"nerv (schema 1)", "x265"}
    assert labels(older(curve("nerv"))) == {"nerv": 4}


def test_the_newest_curve_is_the_anchor() -> None:
    """Of curves of several schemas or versions, BD-rates are against the newest."""
    group: ComparableSet = only([*older(curve("nerv")), *curve("nerv"), *curve("e-nerv")])
    assert anchors(group) == ["nerv"]
    second = [replace(one, codec=replace(one.codec, version=2)) for one in curve("nerv")]
    assert anchors(only([*curve("nerv"), *second])) == ["nerv (version 2)"]


def test_provenance_has_schemas_and_presets() -> None:
    """The report says how many records are of which schema and of which contents of a preset."""
    facts = content([*older(curve("nerv")), *curve("x265", preset=EDITED)]).provenance
    assert facts["Schemas of records"] == ["1: 4 records", "2: 4 records"]
    assert facts["Presets"] == ["quick (00000000): 4 records", "quick (5f0c5f0c): 4 records"]
