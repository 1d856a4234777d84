"""Which cells are planned, and what their keys depend on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bench.codec import Codec
from bench.codecs.x264 import X264
from bench.dataset import Clip, ShrinkingWindow
from bench.errors import UsageError
from bench.registry import codecs
from bench.runs import plan as planning
from bench.runs.plan import PlannedCell, Selection, labelled_points, plan, rate_points, select
from bench.runs.preset import Preset, expand, load_preset, names

SMOKE = load_preset("smoke")
MakeCell = Callable[..., PlannedCell]


def points(name: str, **options: str) -> list[dict[str, Any]]:
    """The parameters of each rate point."""
    return [codec.parameters() for codec in rate_points(Selection(name, options), SMOKE)]


# --- Keys


def test_key_is_the_same_for_the_same_cell(make_cell: MakeCell) -> None:
    """Two plans of one cell find each other's record."""
    first, second = make_cell("x264"), make_cell("x264")
    assert first.key == second.key
    assert first.file_name == second.file_name


@pytest.mark.parametrize("name", codecs.names())
def test_key_depends_on_every_parameter(name: str, make_cell: MakeCell) -> None:
    """No parameter of any codec can be changed without another key."""
    codec = rate_points(Selection(name, {}), SMOKE)[0]
    other_values: dict[str, Any] = {"preset": "slow", "tune": "ssim", "recipe": "nerv", "norm": "bn"}
    other_values |= {"weights": "huffman", "target": "7bit", "pruned": 0.5, "mode": "low-delay"}
    keys = {make_cell(codec).key}
    for field in dataclasses.fields(codec):
        value = getattr(codec, field.name)
        other = other_values.get(field.name, value if isinstance(value, str) else value + 1)
        keys.add(make_cell(dataclasses.replace(codec, **{field.name: other})).key)
    assert len(keys) == 1 + len(dataclasses.fields(codec))


def test_key_depends_on_seed_and_clip(make_cell: MakeCell, tiny: Clip) -> None:
    """Other weights at the start or other frames are another result."""
    form = tiny.yuv.format
    clips = [
        tiny,
        dataclasses.replace(tiny, yuv_sha256="00" * 32),
        dataclasses.replace(tiny, rgb_sha256="00" * 32),
        dataclasses.replace(
            tiny, yuv=dataclasses.replace(tiny.yuv, format=dataclasses.replace(form, frame_rate=Fraction(50)))
        ),
    ]
    assert len({make_cell("nerv", clip, seed).key for clip in clips for seed in (0, 1)}) == 8


def test_all_seeds_of_a_codec_without_one_are_one_cell(make_cell: MakeCell, tiny: Clip) -> None:
    """x265 is not run again for each seed of the networks beside it, and its records say seed 0."""
    assert make_cell("x264", seed=1).key == make_cell("x264").key
    planned = plan(labelled_points([Selection("x264", {}), Selection("nerv", {})], SMOKE), [tiny], SMOKE, [3])
    assert {cell.codec.name: cell.seed for cell in planned} == {"x264": 0, "nerv": 3}


def test_a_cell_has_one_label_however_it_is_named(tiny: Clip) -> None:
    """The first one's, without options that change nothing."""
    selections = [Selection("x264", {"crf": "40"}), Selection("x264", {"crf": "40", "preset": "medium"})]
    (cell,) = plan(labelled_points(selections, SMOKE), [tiny], SMOKE, [0])
    assert cell.label == "x264[crf=40]"
    assert {
        cell.label
        for cell in plan(labelled_points([Selection("x264", {"preset": "medium"})], SMOKE), [tiny], SMOKE, [0])
    } == {"x264"}
    assert {
        cell.label for cell in plan(labelled_points([Selection("x264", {"preset": "slow"})], SMOKE), [tiny], SMOKE, [0])
    } == {"x264[preset=slow]"}


def test_key_depends_on_codec_version_and_tools(make_cell: MakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new release of an encoder, or of an adapter, makes new records."""
    keys = {make_cell("x264").key}
    cls = codecs.load("x264")
    with monkeypatch.context() as patch:
        patch.setattr(cls, "version", cls.version + 1)
        keys.add(make_cell("x264").key)
    with monkeypatch.context() as patch:
        patch.setattr(cls, "tools", lambda _: {"ffmpeg": "another"})
        keys.add(make_cell("x264").key)
    with monkeypatch.context() as patch:
        patch.setattr(planning, "SCHEMA", -1)
        keys.add(make_cell("x264").key)
    assert len(keys) == 4


def test_key_ignores_what_changes_no_result(
    make_cell: MakeCell, tiny: Clip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the clip lies, what the curve is called, which preset asked, where the cache is."""
    cell = make_cell("x264")
    others = [
        make_cell("x264", tiny.in_folder(tmp_path)),
        dataclasses.replace(cell, label="x264[tune=none]", point="crf=23"),
        dataclasses.replace(cell, preset=load_preset("quick")),
        dataclasses.replace(cell, clip=dataclasses.replace(tiny, source=dataclasses.replace(tiny.source, origin="x"))),
    ]
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    assert {other.key for other in others} == {cell.key}


def test_file_name_is_readable_and_one_to_a_key(make_cell: MakeCell) -> None:
    """It names dataset, sequence and codec."""
    cell = make_cell("x264")
    assert cell.file_name == f"planted-noise-x264-{cell.key[:12]}"
    assert make_cell(X264(crf=24)).file_name != cell.file_name


# --- Selections


def test_selection_of_all() -> None:
    """What the preset has rate points for; the uncompressed video is not part of a comparison."""
    assert [item.name for item in select("all", SMOKE)] == list(SMOKE.points)
    assert "raw" not in SMOKE.points


@pytest.mark.usefixtures("fresh_registry")
def test_selection_of_all_has_third_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec from elsewhere takes part without an edit here."""
    monkeypatch.setenv("BENCH_CODECS", "mine=nowhere:Mine")
    assert [item.name for item in select("all", SMOKE)] == [*SMOKE.points, "mine"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x264", [("x264", {}, "x264")]),
        (" x264 , nerv ", [("x264", {}, "x264"), ("nerv", {}, "nerv")]),
        ("x264,", [("x264", {}, "x264")]),
        (
            "nerv,x265[preset=slow, tune=psnr],x264",
            [
                ("nerv", {}, "nerv"),
                ("x265", {"preset": "slow", "tune": "psnr"}, "x265[preset=slow,tune=psnr]"),
                ("x264", {}, "x264"),
            ],
        ),
    ],
)
def test_selection_is_parsed(text: str, expected: list[tuple[str, dict[str, str], str]]) -> None:
    """Names stand between commas, options in brackets."""
    assert [(item.name, item.options, item.label) for item in select(text, SMOKE)] == expected


@pytest.mark.parametrize("text", ["x265[preset=slow", "x265]", "[crf=3]", "x264 x265"])
def test_malformed_selection_is_an_error(text: str) -> None:
    """With an example of how to write it."""
    with pytest.raises(UsageError, match=r"Write for example x265"):
        select(text, SMOKE)


# --- Rate points


def test_points_are_the_presets() -> None:
    """Lists side by side, everything else at all points."""
    assert [p["qp"] for p in points("vvenc")] == [32, 37, 42, 47]
    assert {p["preset"] for p in points("vvenc")} == {"faster"}
    assert [(p["fc_dim"], p["lower_width"]) for p in points("nerv")] == [(2, 8), (4, 12)]


def test_codec_that_a_preset_leaves_out_has_its_own_points() -> None:
    """``raw`` has one."""
    assert points("raw") == [{}]


def test_options_by_hand_win_and_points_that_fall_together_are_one() -> None:
    """Text from the command line becomes the field's type."""
    assert [p["crf"] for p in points("x264", crf="30")] == [30.0]
    assert {p["preset"] for p in points("x264", preset="slow")} == {"slow"}
    assert len(points("x264", preset="slow")) == 4
    (only,) = points("nerv", fc_dim="3", lower_width="9", epochs="1")
    assert (only["fc_dim"], only["lower_width"], only["epochs"], only["levels"]) == (3, 9, 1, 20)


@pytest.mark.parametrize("preset", [load_preset(name) for name in names()], ids=names())
def test_presets_fit_their_codecs(preset: Preset) -> None:
    """Every table of every preset names a codec and its fields, and has points that differ."""
    assert preset.description
    for name, table in preset.points.items():
        made: list[Codec] = rate_points(Selection(name, {}), preset)
        assert len(made) == len(table) >= 2


@pytest.mark.parametrize("preset", ["quick"])
def test_default_preset_supports_bd_rates(preset: str) -> None:
    """At least four points of each of the study's five codecs and of the two standards beside them."""
    found = load_preset(preset).points
    assert set(found) == {"nerv", "e-nerv", "res-nerv", "x264", "x265", "svt-av1", "vvenc"}
    assert all(len(table) >= 4 for table in found.values())


def test_lists_of_different_lengths_are_an_error() -> None:
    """They could not be read side by side."""
    with pytest.raises(UsageError, match=r"x264 have different lengths: \[2, 3\]"):
        expand("x264", {"crf": [1, 2], "tune": ["a", "b", "c"]})


def test_plan_goes_clip_by_clip(tiny: Clip) -> None:
    """Each cell knows what tells it from the codec's others."""
    other = dataclasses.replace(tiny, source=dataclasses.replace(tiny.source, sequence="second"))
    cells = plan(labelled_points(select("x264,raw", SMOKE), SMOKE), [tiny, other], SMOKE, [3])
    assert [str(cell) for cell in cells] == [
        f"planted/{sequence} {label}"
        for sequence in ("noise", "second")
        for label in (*(f"x264 crf={crf}" for crf in ("28.0", "34.0", "40.0", "46.0")), "raw")
    ]
    assert {cell.seed for cell in cells} == {0}  # none of them has a use for one


# --- A user's own preset


def test_a_preset_is_also_a_file(tmp_path: Path) -> None:
    """With the same tables as those that have names; what it leaves out has a default that claims nothing."""
    path = tmp_path / "mine.toml"
    path.write_text("[cut]\nframes = 8\n[codecs.x264]\ncrf = [20, 30]\n", encoding="utf-8")
    preset = load_preset(str(path))
    assert (preset.name, preset.full_scale, preset.cut) == ("mine", False, ShrinkingWindow(frames=8))
    assert preset.points == {"x264": [{"crf": 20}, {"crf": 30}]}


def test_a_preset_names_codecs_with_options_too(tmp_path: Path) -> None:
    """They are part of all, at the points of their codec's table and with a label of their own; and of nothing else."""
    path = tmp_path / "mine.toml"
    path.write_text('also = ["x264[preset=slow]", "raw"]\n[codecs.x264]\ncrf = [20, 30]\n', encoding="utf-8")
    preset = load_preset(str(path))

    def labels(names: str) -> list[tuple[str, str]]:
        return [(point.label, point.point) for point in labelled_points(select(names, preset), preset)]

    plain = [("x264", "crf=20.0"), ("x264", "crf=30.0")]
    slow = [("x264[preset=slow]", "crf=20.0"), ("x264[preset=slow]", "crf=30.0")]
    assert labels("all") == [*plain, *slow, ("raw", "")]
    assert labels("x264") == plain
    assert labels("x264[preset=slow]") == slow


@pytest.mark.parametrize("name", names())
def test_what_presets_run_too_is_something_else(name: str) -> None:
    """A codec with options that exist, and that change it."""
    preset = load_preset(name)
    points = labelled_points(select("all", preset), preset)
    assert len({point.codec for point in points}) == len(points)
    assert {point.label for point in points} == {*preset.points, *preset.also}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "codecs = 3",
        "also = 3\n[codecs]\n",
        "[codecs.x264\n",
        "[cut]\nframes = 'all'\n[codecs]\n",
        "[cut]\nwidht = 3\n[codecs]\n",
    ],
)
def test_files_that_are_no_presets(text: str, tmp_path: Path) -> None:
    """The path and the fault are named; a misspelt key is a fault."""
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml is no preset: "):
        load_preset(str(path))
    with pytest.raises(UsageError, match=r"none\.toml is no preset: "):
        load_preset(str(tmp_path / "none.toml"))
