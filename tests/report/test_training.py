"""Training curves in the report, on planted records."""

from __future__ import annotations

from dataclasses import replace

from planted import TRAINING, clip, curve, failed, record

from bench.analysis.comparable import comparable_sets
from bench.report.content import content
from bench.report.figures.picture import codec_styles
from bench.report.figures.training import draw, training_picture
from bench.report.tables.training import training_data
from bench.report.write import files


def test_lines_hold_the_planted_values() -> None:
    """The lines are the planted values from a twentieth of the steps on, with a row of axes for each sequence."""
    records = [*curve("nerv"), *curve("x264"), record("e-nerv", 0.02, where=clip(sequence="other"))]
    (group,) = comparable_sets(records)
    figure = draw(group, [cell for cell in group.measured if cell.record.training], codec_styles(group.codecs))
    assert len(figure.axes) == 4
    for axes, along in zip(figure.axes, (TRAINING.steps, TRAINING.seconds) * 2, strict=True):
        for line in axes.get_lines():
            assert list(line.get_xdata()) == along[1:]
            assert list(line.get_ydata()) == TRAINING.psnr_db[1:]
    assert [len(axes.get_lines()) for axes in figure.axes] == [4, 4, 1, 1]
    assert {text.get_text() for axes in figure.axes for text in axes.texts} == {"1.5 M"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["nerv", "e-nerv"]


def test_csv_has_every_point() -> None:
    """The table of training has every point of every network, with the network's size, and no standard codec."""
    data = training_data(comparable_sets([*curve("nerv"), *curve("x264")]))
    assert len(data) == 4 * len(TRAINING.steps)
    assert set(data["codec"]) == {"nerv"}
    assert data["psnr_db"].tolist() == TRAINING.psnr_db * 4
    assert data["seconds"].tolist() == TRAINING.seconds * 4
    assert set(data["parameters"]) == {1_500_000}


def test_nothing_trained_nothing_drawn() -> None:
    """Without training curves there is no picture. Failed cells and older records do no harm."""
    records = [
        *curve("x264"),
        failed(record("nerv", 0.03), "diverged"),
        replace(record("e-nerv", 0.03), training=None),
    ]
    (group,) = comparable_sets(records)
    assert training_picture(group, codec_styles(group.codecs)) == []
    assert files(content(records))["tables/training.csv"].strip() == b""


def test_alt_text_says_what_came_out() -> None:
    """The text of the picture says what quality the training ended with."""
    (group,) = comparable_sets(curve("nerv", rates=[0.02]))
    (picture,) = training_picture(group, codec_styles(group.codecs))
    assert "nerv: 30.00 dB after 400 steps" in picture.alt
    assert picture.name.endswith("-training")
