"""What all pictures share: a fixed look for each codec, plain axes, and titles with a stamp."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullLocator

from ...analysis.comparable import CODEC_ORDER, ComparableSet

# After Okabe and Ito, with a darker orange and sky blue, then Paul Tol: colour-blind readers tell
# them apart, and markers differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#882255", "#B87F00", "#000000", "#CC79A7", "#3A9BDC")
MARKERS = ("o", "s", "^", "*", "D", "v", "P", "X")
MORE_STYLES = (("#888820", "<"), ("#44AA99", ">"), ("#666666", "h"), ("#4477AA", "p"))
LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
TEXT, QUIET, GRID, PAGE = "#1d2126", "#59626d", "#dddddd", "#ffffff"

DARK = {
    "#0072b2": "#4aa3df",
    "#d55e00": "#f08a3c",
    "#009e73": "#2fc49a",
    "#882255": "#d977a8",
    "#b87f00": "#d9a73a",
    "#000000": "#e3e6ea",
    "#cc79a7": "#e3a0c5",
    "#3a9bdc": "#7cc3f2",
    "#888820": "#b9b956",
    "#44aa99": "#6fcabb",
    "#666666": "#a0a0a0",
    "#4477aa": "#7fabd6",
    TEXT: "#e3e6ea",
    QUIET: "#a0a9b4",
    GRID: "#3a4048",
    PAGE: "#15181c",
}
"""Each colour of the pictures, with the colour that takes its place on a dark page."""

RateAxis = Literal["log", "linear"]
Styles = dict[str, tuple[str, str]]
"""Each codec's name, with its colour and its marker."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure that is ready to be printed. ``name`` is the name of its files without the suffix."""

    figure: Figure
    name: str
    caption: str
    alt: str
    wide: bool
    curves: bool = False
    """Whether the interactive curves of the HTML report show the same as this picture."""

    @property
    def shape(self) -> tuple[int, int]:
        """The width and the height, in points."""
        width, height = self.figure.get_size_inches()
        return round(72 * width), round(72 * height)


def for_both_schemes(svg: bytes) -> bytes:
    """An SVG of matplotlib's, changed so that it turns dark where its reader prefers that."""
    rules = [
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    ]
    rules.append(f'[fill="{PAGE}"]{{fill:{DARK[PAGE]}}}')  # the ground of hatched squares
    # Text has no style of its own, so that it would stay black.
    style = f"<style>@media(prefers-color-scheme:dark){{svg{{fill:{DARK[TEXT]}}}{''.join(rules)}}}</style>"
    return re.sub(rb"(<svg [^>]*>)", lambda match: match[1] + style.encode(), svg, count=1)


def codec_styles(names: Iterable[str]) -> Styles:
    """The look of each codec, the same in every picture. Codecs that have no look of their own take the four of
    `MORE_STYLES` in turn."""
    fixed = dict(zip(CODEC_ORDER, zip(COLOURS, MARKERS, strict=True), strict=True))
    others = sorted(set(names) - set(fixed))
    return fixed | dict(zip(others, cycle(MORE_STYLES), strict=False))


def line_styles(group: ComparableSet) -> dict[str, Literal["-", "--", ":", "-."]]:
    """The line style of each label. It tells the curves of one codec apart."""
    styles: dict[str, Literal["-", "--", ":", "-."]] = {}
    for codec in dict.fromkeys(group.codecs.values()):
        labels = [label for label, name in group.codecs.items() if name == codec]
        styles |= dict(zip(labels, cycle(LINES), strict=False))
    return styles


def new_figure(group: ComparableSet, title: str, width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches, with the comparable set's stamp under its title."""
    engine = ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.07)
    figure = Figure(figsize=(width, height), layout=engine, facecolor=PAGE)
    lines = [f"{group.dataset}: {title}", *group.stamp.split("; ")]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=9, color=TEXT)
    return figure


INCHES_PER_POINT = 0.0085
"""The width of a character on average, for each point of its size."""


def more_room(labels: Iterable[str], points: float, inches: float) -> float:
    """The inches by which labels of this size are longer than the room that a figure has for them; 0 if they fit."""
    longest = max((len(label) for label in labels), default=0)
    return max(0.0, INCHES_PER_POINT * points * longest - inches)


def is_lowest(place: int, count: int) -> bool:
    """Whether, among the ``count`` axes of `grid_of_axes`, none stand below those at ``place``."""
    return place + 3 >= count


def grid_of_axes(figure: Figure, count: int) -> list[Axes]:
    """``count`` axes that share their x-axis, in rows of at most three."""
    columns = min(3, count)
    grid = list(figure.subplots(math.ceil(count / columns), columns, squeeze=False, sharex=True).ravel())
    for axes in grid[count:]:
        axes.remove()
    return grid[:count]


def grid_size(count: int) -> tuple[float, float]:
    """The width and the height, in inches, of a figure with `grid_of_axes`."""
    if count == 1:
        return 5.4, 4.4
    return 3.3 * min(3, count), 2.6 * math.ceil(count / 3) + 1.1


def dress(axes: Axes, *, labelled: bool = True) -> None:
    """Make the axes plain: a light grid and no box. The x-axis is ``labelled`` unless other axes below share it."""
    axes.set_facecolor(PAGE)
    axes.tick_params(labelsize=8, labelbottom=labelled, color=QUIET, labelcolor=TEXT)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(QUIET)


def scale_rate(axes: Axes, rate_axis: RateAxis) -> None:
    """Make the x-axis one of rates: on a log scale with plain numbers, or linear from zero on."""
    if rate_axis == "linear":
        axes.set_xlim(left=0)
        return
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_locator(NullLocator())


def legend(figure: Figure, group: ComparableSet) -> None:
    """Write the curves' names below the axes, each once, in the order of the comparable set."""
    named = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    order = [label for label in group.codecs if label in named]
    order += [label for label in named if label not in order]
    figure.legend(
        [named[label] for label in order],
        order,
        loc="outside lower center",
        ncols=min(4, len(order)),
        fontsize=8,
        frameon=False,
        labelcolor=TEXT,
    )
