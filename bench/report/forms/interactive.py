"""Rate-distortion curves to explore in the HTML report, drawn by Vega in the reader's browser.

The script is Vega with Vega-Embed. It comes out of the package vl-convert-python, which contains all of Vega,
and goes into the page, so that the page loads nothing. The chart stands in a slider that the page makes itself,
through which screen readers hear every point.
"""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import vl_convert

from ...analysis.average import sequence_mean
from ...analysis.comparable import ComparableSet
from ..figures.picture import DARK, LINES, MARKERS, MORE_STYLES, RateAxis, Styles, line_styles

SHAPES = {
    "o": ("circle", "●"),
    "s": ("square", "■"),
    "^": ("triangle-up", "▲"),
    "*": ("M0,-1L.25,-.32L.95,-.31L.4,.12L.59,.81L0,.4L-.59,.81L-.4,.12L-.95,-.31L-.25,-.32Z", "★"),
    "D": ("diamond", "◆"),
    "v": ("triangle-down", "▼"),
    "P": ("cross", "✚"),
    "X": ("M-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0L-1,-.7Z", "✖"),
    "<": ("triangle-left", "◀"),
    ">": ("triangle-right", "▶"),
    "h": ("M0,-1L.87,-.5L.87,.5L0,1L-.87,.5L-.87,-.5Z", "⬢"),
    "p": ("M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z", "⬟"),
}
"""Each of matplotlib's markers, with the same shape for Vega and as a character."""
DASHES = dict(zip(LINES, ([1, 0], [6, 3], [2, 3], [6, 3, 2, 3]), strict=True))
assert {*MARKERS, *(marker for _, marker in MORE_STYLES)} == SHAPES.keys()


def curve_data(group: ComparableSet, styles: Styles) -> dict[str, Any] | None:
    """The data that the page's script draws: the looks of the curves, and every point as [curve, sequence, seed,
    bits per pixel, each metric or None, rate point]. The curve and the sequence are positions in their lists. The
    result is None where there is no point."""
    labels, sequences = list(group.codecs), list(group.sequences)
    points: list[list[Any]] = [
        [
            labels.index(cell.label),
            sequences.index(cell.sequence),
            cell.record.seed,
            _short(cell.bits_per_pixel),
            *(_short(cell.quality(metric)) for metric in group.metrics),
            cell.rate_point,
        ]
        for curve in group.curves
        for cell in curve.cells
        if cell.bits_per_pixel > 0
    ]
    if not points:
        return None
    if len(sequences) > 1:
        for number, label in enumerate(labels):
            for place, metric in enumerate(group.metrics):
                for rate, quality in sequence_mean(group, label, metric):
                    values = [_short(quality) if other == place else None for other in range(len(group.metrics))]
                    points.append([number, len(sequences), None, _short(rate), *values, "mean"])
        sequences.append(f"average of {len(group.sequences)}")
    lines = line_styles(group)
    return {
        "curves": [_look(label, *styles[codec], DASHES[lines[label]]) for label, codec in group.codecs.items()],
        "sequences": sequences,
        "metrics": [f"{name} (dB)" if metric == "psnr_rgb" else name for metric, name in group.metrics.items()],
        "digits": [4 if metric.startswith("ssim") else 2 for metric in group.metrics],
        "units": [" dB" if "psnr" in metric or metric.endswith("_db") else "" for metric in group.metrics],
        "sourceRates": [group.source_rates().get(sequence) for sequence in sequences],
        "points": points,
    }


def _look(label: str, colour: str, marker: str, dash: list[int]) -> dict[str, Any]:
    shape, character = SHAPES[marker]
    dark = DARK[colour.lower()]
    return {"label": label, "colour": colour, "dark": dark, "shape": shape, "character": character, "dash": dash}


def _short(value: float | None) -> float | None:
    """The value with six digits, more than a picture shows; None for a value that a picture cannot show."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


@cache
def script() -> str:
    """Vega and Vega-Embed as the text of a script element."""
    return _inert(str(vl_convert.javascript_bundle("globalThis.vegaEmbed = vegaEmbed;")))


@cache
def chart(rate_axis: RateAxis = "log") -> str:
    """The Vega specification, as JSON, that the charts of all sections share. The page fills its data sets."""
    return as_json(vl_convert.vegalite_to_vega({**_VEGA_LITE, "layer": _layers(_X[rate_axis])}))


def as_json(value: Any) -> str:
    """The value as JSON that may be the text of a script element."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _inert(code: str) -> str:
    """The same ``code`` without character sequences that would end its script element or open a comment there."""
    for ending in ("</script", "</SCRIPT", "<!--"):
        code = code.replace(ending, ending.replace("<", "\\u003c" if ending == "<!--" else "<\\"))
    return code


def _fields(*names: str) -> list[dict[str, str]]:
    return [{"field": name, "type": "nominal"} for name in names]


TICKS = [float(f"{step}e{power}") for power in range(-6, 3) for step in (1, 2, 5)]
"""The ticks of a logarithmic axis. Vega shows those within its range; its own ticks have labels at 1 and 2 only."""
_RATE: dict[str, Any] = {"field": "bits per pixel", "type": "quantitative"}
_X: dict[RateAxis, dict[str, Any]] = {
    "log": _RATE
    | {
        "scale": {"type": "log", "nice": False, "padding": 14},
        "axis": {"title": "bits per pixel (log scale)", "format": "~g", "values": TICKS},
    },
    "linear": _RATE | {"axis": {"title": "bits per pixel", "format": "~g", "tickCount": 6}},
}
_Y = {"field": "quality", "type": "quantitative", "scale": {"zero": False}, "axis": {"title": None, "tickCount": 7}}
_LOOK = {name: {"field": name, "type": "nominal", "scale": None} for name in ("color", "shape")}
_VEGA_LITE = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "width": "container",
    "height": "container",
    "padding": 10,
    "autosize": {"type": "fit", "contains": "padding", "resize": True},
    "config": {"background": None, "view": {"stroke": None}},
}


def _layers(x: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers of the chart over the axis ``x``: the source's own rate, the lines, the points, and the point that
    the keyboard is at."""
    return [
        {
            "data": {"name": "source"},
            "mark": {
                "type": "rule",
                "strokeDash": [4, 3],
                "color": "gray",
                "description": "the source's own bitstream",
            },
            "encoding": {"x": x, "tooltip": {"value": "Sending the source's own bitstream would win from here on."}},
        },
        {
            "data": {"name": "source"},
            "mark": {
                "type": "text",
                "text": "the source's own bitstream",
                "color": "gray",
                "align": "right",
                "baseline": "top",
                "dx": -5,
                "aria": False,
            },
            "encoding": {"x": x, "y": {"value": 2}},
        },
        {
            "data": {"name": "points"},
            "mark": {"type": "line", "strokeWidth": 2, "aria": False},
            "encoding": {
                "x": x,
                "y": _Y,
                "detail": {"field": "curve", "type": "nominal"},
                "color": _LOOK["color"],
                "strokeDash": {"field": "dash", "type": "nominal", "scale": None},
            },
        },
        {
            "data": {"name": "points"},
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 64},
            "encoding": {
                "x": x,
                "y": _Y,
                **_LOOK,
                "tooltip": _fields("codec", "point", "rate", "value"),
                "description": {"field": "says", "type": "nominal"},
            },
        },
        {
            "data": {"name": "picked"},
            "mark": {"type": "point", "filled": False, "size": 330, "strokeWidth": 2, "opacity": 1, "aria": False},
            "encoding": {"x": x, "y": _Y, "color": _LOOK["color"]},
        },
    ]
