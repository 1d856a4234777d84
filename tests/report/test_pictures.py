"""Pictures of planted records: what is drawn, what is refused, and the same bytes every time."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from planted import PAPER, RATES, Fatal, clip, curve, only, record

from bench.analysis.average import seed_mean, seed_range, sequence_mean
from bench.analysis.comparable import ComparableSet, comparable_sets
from bench.analysis.matched import TOLERANCE, match_rate
from bench.analysis.pairs import pairs
from bench.measure.regions import transient_pixels
from bench.records.kept_frame import keep_frame, kept_frame_index, read_kept
from bench.records.record import KeptFrame, Record
from bench.records.store import Store
from bench.report.content import content
from bench.report.figures import crops, curves, heat_map, overhead, per_frame, region_gain
from bench.report.figures.gallery import Gallery, all_pictures
from bench.report.figures.picture import Picture, codec_styles, for_both_schemes
from bench.report.figures.printing import SHARE, print_all, print_figure
from bench.report.tables.quality import region_tables
from bench.video.raw import RawVideo


def seen_in(group: ComparableSet, root: Path | None = None) -> Gallery:
    """All pictures of a comparable set."""
    return all_pictures(group, pairs(group), codec_styles([]), root)


def on_uvg(codec: str, gains: dict[str, float], **more: Any) -> list[Record]:
    """A curve of the codec on each sequence."""
    return [one for name, gain in gains.items() for one in curve(codec, gain, where=clip("uvg", name), **more)]


def with_regions(records: list[Record], transient: float) -> list[Record]:
    """The records with PSNR by region: ``transient`` dB off the planted PSNR where the source changes, and the
    planted PSNR elsewhere."""
    changed = []
    for one in records:
        assert one.quality
        psnr = one.quality.clip["psnr_rgb"]
        values = one.quality.clip | {"psnr_rgb_transient": psnr + transient, "psnr_rgb_persistent": psnr}
        changed.append(replace(one, quality=replace(one.quality, clip=values)))
    return changed


# --- Averages


def test_average_of_sequences() -> None:
    """The average has the mean rate and the mean quality of each rate point that all sequences have."""
    records = on_uvg("x264", {"beauty": 0.0, "jockey": 3.0})
    group = only([*records[:-1]])
    points = sequence_mean(group, "x264", "psnr_rgb")
    assert [rate for rate, _ in points] == pytest.approx(list(RATES[:3]))
    assert [quality for _, quality in points] == pytest.approx([31.5, 34.5, 37.5])


def test_average_has_axes_of_its_own() -> None:
    """Where there are several sequences, the average has axes after theirs."""
    several = curves.draw(only(on_uvg("x264", {"beauty": 0, "jockey": 3})), "psnr_rgb", codec_styles([]))
    assert [axes.get_title() for axes in several.axes] == ["beauty", "jockey", "average of 2"]
    assert list(several.axes[2].lines[0].get_ydata()) == pytest.approx([31.5, 34.5, 37.5, 40.5])  # type: ignore[arg-type]
    assert len(curves.draw(only(curve("x264")), "psnr_rgb", codec_styles([])).axes) == 1


def test_seeds_are_a_mean_and_a_band() -> None:
    """Several seeds are drawn as a line through their mean, with a band from the lowest to the highest."""
    group = only([*curve("nerv", gain=0, seed=1), *curve("nerv", gain=1, seed=2)])
    assert seed_mean(group, "nerv", "bunny", "psnr_rgb")[0] == (0.01, pytest.approx(30.5))
    assert seed_range(group, "nerv", "bunny", "psnr_rgb")[0] == (0.01, pytest.approx(30), pytest.approx(31))
    (axes,) = curves.draw(group, "psnr_rgb", codec_styles([])).axes
    assert len(axes.lines) == len(axes.collections) == 1


# --- Matched rate


def test_rates_are_matched_within_the_tolerance() -> None:
    """The common rate suits most codecs. A codec without a point near it is left out, and it is said how far off
    its nearest point is."""
    group = only([*curve("nerv"), *curve("x264", rates=[0.022, 0.5]), *curve("x265", rates=[0.3, 0.35])])
    rate_match = match_rate(group, "bunny")
    assert rate_match is not None
    assert [(match.cell.label, match.cell.bits_per_pixel) for match in rate_match.matches] == [
        ("nerv", 0.02),
        ("x264", 0.022),
    ]
    for match in rate_match.matches:
        assert match.factor == pytest.approx(match.cell.bits_per_pixel / rate_match.rate)
        assert 1 / TOLERANCE <= match.factor <= TOLERANCE
    assert rate_match.refused == {"x265": f"its nearest point is off by {100 * (0.3 / rate_match.rate - 1):+.0f} %"}
    assert "x265 is left out" in rate_match.note


# --- BD-rate heat map


def test_heat_map_has_known_values_and_hatches_refusals() -> None:
    """A pair has its known BD-rate; a refused pair has a hatch and no number."""
    group = only([*curve("nerv"), *curve("e-nerv", gain=3), *curve("x264", rates=RATES[:3])])
    labels = list(group.codecs)
    (axes,) = heat_map.draw(group, labels, "psnr_rgb", pairs(group)).axes
    assert sorted(text.get_text() for text in axes.texts) == ["+100", "-50"]
    patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert sum(bool(patch.get_hatch()) for patch in patches) == 4


def test_heat_map_counts_sequences() -> None:
    """A mean over some of the sequences says over how many."""
    group = only([*on_uvg("nerv", {"beauty": 0, "jockey": 0}), *on_uvg("x264", {"beauty": 3, "jockey": 60})])
    (axes,) = heat_map.draw(group, ["nerv", "x264"], "psnr_rgb", pairs(group)).axes
    assert "-50\n1 of 2" in [text.get_text() for text in axes.texts]


# --- Regions


def test_gain_by_region_has_known_values() -> None:
    """A codec that is 2 dB better everywhere, and 3 dB better where the source changes, gains just that."""
    records = [*with_regions(curve("nerv"), -4), *with_regions(curve("res-nerv", gain=2), -3)]
    gains = region_gain.gains(only(records), "nerv")
    assert [(gain.label, gain.region) for gain in gains] == [("res-nerv", "persistent"), ("res-nerv", "transient")]
    assert [gain.value for gain in gains] == [pytest.approx(2), pytest.approx(3)]
    (picture,) = region_gain.region_gain_picture(only(records))
    assert picture.alt == "res-nerv, persistent: +2.00 dB. res-nerv, transient: +3.00 dB."


def test_quality_by_region_is_a_table() -> None:
    """The table has one row for each cell with quality by region, and the definition below."""
    (one,) = with_regions([record("nerv", 0.02)], -4)
    assert one.quality
    one = replace(one, quality=replace(one.quality, clip=one.quality.clip | {"transient_share": 0.25}))
    (table,) = region_tables(only([one, record("x264", 0.02)]))
    assert table.rows() == [["nerv", "–", "0.0200", "33.00", "33.00", "29.00", "0.250"]]
    assert table.headings()[-3:] == ["PSNR, persistent (dB)", "PSNR, transient (dB)", "Transient share"]
    assert table.notes[0].startswith("Transient is what was not there 0.25 s before")
    assert region_tables(only([record("x264", 0.02)])) == []


def test_no_regions_no_picture() -> None:
    """For older records, which have no regions, a reason stands in place of the picture."""
    seen = seen_in(only([*curve("nerv"), *curve("x264")]))
    assert not any("region" in picture.name for picture in seen.pictures)
    assert any("no PSNR by region" in reason for reason in seen.absent)


# --- Along the frames, and by purpose


def test_frames_are_drawn_as_recorded() -> None:
    """The lines are the recorded values by frame, and the transient share stands behind them."""
    one = record("nerv", 0.02, where=clip(frames=3))
    assert one.quality
    frames: dict[str, list[float | None]] = {"psnr_rgb": [30.0, 31.0, 29.0], "transient_share": [None, 0.5, None]}
    group = only([replace(one, quality=replace(one.quality, frames=frames))])
    rate_match = match_rate(group, "bunny")
    assert rate_match is not None
    figure = per_frame.draw(group, [rate_match], codec_styles([]))
    assert list(figure.axes[0].lines[0].get_ydata()) == [30.0, 31.0, 29.0]  # type: ignore[arg-type]
    assert len(figure.axes[1].collections) == 1


def test_overhead_is_what_is_not_the_main_purpose() -> None:
    """The bars are what the smallest and the largest stream hold besides weights or slices."""
    group = only([*curve("nerv"), *curve("x264")])
    rows = overhead.ledgers(group)
    assert [name for name, _ in rows] == ["nerv 0.01 bpp", "nerv 0.08 bpp", "x264 0.01 bpp", "x264 0.08 bpp"]
    (axes,) = overhead.draw(group, rows).axes
    size = round(0.01 * clip().rgb.format.pixels / 8)
    assert axes.patches[0].get_width() == pytest.approx(100 * 100 / size)  # type: ignore[attr-defined]


# --- Kept frames

SQUARE = (slice(20, 36), slice(60, 76))


def kept(folder: Path) -> list[Record]:
    """Two codecs whose frames were kept. Only the middle one of three frames shows a square. One codec is off by 4
    everywhere, the other by 2 in and around the square."""
    where = clip(width=96, height=64, frames=3, sequence="planted").in_folder(folder)
    frames = np.full((3, 64, 96, 3), 90, np.uint8)
    frames[:, 40:60, 10:40] += np.random.default_rng(5).integers(0, 100, (20, 30, 1), np.uint8)
    frames[(1, *SQUARE)] = 200
    where.rgb.path.write_bytes(frames.tobytes())
    chroma = bytes([128]) * (64 * 96 // 2)
    where.yuv.path.write_bytes(b"".join(frame[:, :, 0].tobytes() + chroma for frame in frames))
    partly = frames.copy()
    partly[1, 16:40, 56:80] += 2
    records = []
    for codec, decoded in (("nerv", frames + np.uint8(4)), ("x264", partly)):
        video = RawVideo(folder / "decoded.rgb", where.rgb.format)
        video.path.write_bytes(decoded.tobytes())
        transient = transient_pixels(where.yuv, 1)
        assert transient is not None
        still = keep_frame(Store(folder), codec, where, video, 1, transient, folder)
        records.append(replace(record(codec, 0.02, where=where), still=still))
    return records


def test_kept_frames_come_back(tmp_path: Path) -> None:
    """Kept frames are lossless, lie below the results directory, and share the files of the source."""
    one, other = (one.still for one in kept(tmp_path))
    assert isinstance(one, KeptFrame)
    assert isinstance(other, KeptFrame)
    assert (one.source, one.transient, one.index) == (other.source, other.transient, 1)
    source, decoded = read_kept(tmp_path, one.source), read_kept(tmp_path, one.decoded)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, source + 4)
    assert read_kept(tmp_path, one.transient).mean() == pytest.approx(256 / (64 * 96), rel=0.3)
    assert {path.name for path in (tmp_path / "frames").iterdir()} > {"nerv.png", "x264.png"}


def test_the_kept_frame_is_the_one_that_changes_most() -> None:
    """The kept frame is the first of those with the largest transient share."""
    assert kept_frame_index([None, 0.1, 0.2, 0.6, 0.6, 0.1, None]) == 3
    assert kept_frame_index([None, 0.0, None]) == 1


def test_windows_follow_the_source() -> None:
    """One window is on the transient square, the other where there is detail and nothing transient."""
    source = np.full((64, 96, 3), 90, np.uint8)
    source[40:60, 5:25] = np.random.default_rng(6).integers(40, 141, (20, 20, 3), np.uint8)
    transient: NDArray[np.bool_] = np.zeros((64, 96), np.bool_)
    transient[10:26, 60:76] = True
    windows = crops.windows(source, transient)
    assert windows["transient"] == (slice(10, 26), slice(60, 76))
    rows, columns = windows["persistent"]
    assert 40 <= rows.start <= rows.stop <= 60
    assert 5 <= columns.start <= columns.stop <= 25
    assert not transient[windows["persistent"]].any()
    assert crops.windows(source, np.zeros((64, 96), np.bool_)).keys() == {"persistent"}


def test_crops_carry_their_local_psnr(tmp_path: Path) -> None:
    """An error of 4 is 36.09 dB and one of 2 is 42.11 dB, by 20 log10(255 / error)."""
    group = only(kept(tmp_path))
    (picture,), absent = crops.crops_pictures(group, tmp_path)
    assert absent == []
    values = {error: 20 * math.log10(255 / error) for error in (2, 4)}
    assert f"{values[4]:.2f} dB transient, {values[4]:.2f} dB persistent" in picture.alt
    assert f"{values[2]:.2f} dB transient, 100.00 dB persistent" in picture.alt
    assert "Frame 1" in picture.caption


def test_codecs_without_a_kept_frame_are_named(tmp_path: Path) -> None:
    """The caption names the codecs whose records have no frame."""
    records = kept(tmp_path)
    older = record("vvenc", 0.02, where=records[0].clip)
    (picture,), _ = crops.crops_pictures(only([*records, older]), tmp_path)
    assert "No such frame was kept of vvenc." in picture.caption


def test_frames_that_are_not_there_are_explained(tmp_path: Path) -> None:
    """An old record, a lost file and a changed file each give a reason, and the report goes on."""
    (reason,) = crops.crops_pictures(only(curve("nerv")), tmp_path)[1]
    assert "name no kept frames" in reason
    records = kept(tmp_path)
    (tmp_path / "frames" / "x264.png").write_bytes(b"other")
    pictures, (reason,) = crops.crops_pictures(only(records), tmp_path)
    assert pictures == []
    assert "x264.png is not the file that its record names" in reason
    (tmp_path / "frames" / "x264.png").unlink()
    assert "is not there" in crops.crops_pictures(only(records), tmp_path)[1][0]


# --- Files


@pytest.mark.process
def test_the_same_picture_is_the_same_bytes(tmp_path: Path) -> None:
    """Each kind of picture has the same bytes in each form, whether this process draws it or another one."""
    records = with_regions([*kept(tmp_path), *on_uvg("nerv", {"beauty": 0}), *on_uvg("x264", {"beauty": 1})], -2)
    once, again = (
        print_all(
            [picture for group in comparable_sets(records) for picture in seen_in(group, tmp_path).pictures], workers
        )
        for workers in (1, 2)
    )
    assert len(once) >= 2 * SHARE  # or there would be one process
    assert once == again
    names = " ".join(once)
    assert all(kind in names for kind in ("crops", "region-gain", "per-frame", "overhead", "training", "bd-rate"))


def test_forms() -> None:
    """Each file begins as its kind does, and the PDF has no Type 3 fonts, which publishers refuse."""
    figure = curves.draw(only(curve("nerv", preset=PAPER)), "psnr_rgb", codec_styles([]))
    forms = print_figure(figure)
    assert forms["png"].startswith(b"\x89PNG")
    assert forms["svg"].startswith(b"<?xml")
    assert forms["pdf"].startswith(b"%PDF")
    assert b"/Type3" not in forms["pdf"]


@pytest.mark.process
def test_pictures_are_printed_though_a_process_is_killed(tmp_path: Path) -> None:
    """This process draws the pictures if another one was killed."""
    fatal = Fatal(tmp_path / "killed")
    figures = [fatal, *(Figure() for _ in range(2 * SHARE))]
    prints = print_all([Picture(figure, str(i), "", "", wide=False) for i, figure in enumerate(figures)], workers=2)
    assert (tmp_path / "killed").exists()
    assert {forms["png"] for forms in prints.values()} == {print_figure(Figure())["png"]}


def test_dark_colours_are_for_dark_pages_only() -> None:
    """The SVG has its own colours, and a rule for readers who prefer dark ones."""
    figure = curves.draw(only(curve("nerv")), "psnr_rgb", codec_styles([]))
    plain = print_figure(figure)["svg"]
    both = for_both_schemes(plain).decode()
    style = both[both.index("<style>") : both.index("</style>")]
    assert style.startswith("<style>@media(prefers-color-scheme:dark)")
    assert both.replace(f"{style}</style>", "") == plain.decode()
    line = to_hex(codec_styles([])["nerv"][0])
    assert f"stroke: {line}" in plain.decode()
    assert f'[style*="stroke: {line}"]' in style


def test_the_rate_axis_is_as_asked() -> None:
    """The axis is logarithmic unless a linear one is asked for, which begins at zero."""
    group = only(curve("nerv"))
    for axis in ("log", "linear"):
        (axes,) = curves.draw(group, "psnr_rgb", codec_styles([]), axis).axes
        assert axes.get_xscale() == axis
    assert axes.get_xlim()[0] == 0


def test_long_labels_have_room() -> None:
    """Options set by hand make names of a hundred characters; no axes may collapse for them, which is a warning."""
    records = [
        replace(one, codec=replace(one.codec, label=f"{codec}[{'x' * 90}=1]"))
        for codec in ("nerv", "x265")
        for one in curve(codec)
    ]
    for picture in content(records).pictures:
        assert print_figure(picture.figure)["png"]
