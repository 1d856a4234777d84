"""Pictures as files. Each picture is laid out once and then drawn in every form, on several cores at once."""

from __future__ import annotations

import io
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Literal

import matplotlib as mpl
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .picture import Picture

Form = Literal["svg", "png", "pdf"]
Prints = dict[Form, bytes]
"""The content of a picture's file in each form."""

CANVASES: dict[Form, tuple[type[FigureCanvasBase], dict[str, None], int]] = {
    "svg": (FigureCanvasSVG, {"Date": None}, 72),
    "png": (FigureCanvasAgg, {}, 160),
    "pdf": (FigureCanvasPdf, {"CreationDate": None}, 72),
}
"""Each form with its canvas, the metadata to leave out (it would differ each time), and dots per inch."""


SHARE = 5
"""How many pictures are worth a process of their own: fewer are drawn before the process has started."""


def print_all(pictures: Sequence[Picture], workers: int = 1) -> dict[str, Prints]:
    """The files of each picture, by its name; the same picture always gives the same bytes. Up to ``workers``
    processes share the drawing. A program that asks for several must guard its main module, as the documentation
    of `multiprocessing` says."""
    prints = _print([picture.figure for picture in pictures], min(workers, len(pictures) // SHARE))
    return dict(zip((picture.name for picture in pictures), prints, strict=True))


def _print(figures: Sequence[Figure], workers: int) -> list[Prints]:
    if workers > 1:
        # Processes are spawned, not forked: numerical libraries have threads, which a fork would lose.
        pool = ProcessPoolExecutor(workers, get_context("spawn"), signal.signal, (signal.SIGINT, signal.SIG_IGN))
        try:
            with pool:
                return list(pool.map(print_figure, figures))
        except BrokenProcessPool:  # a process was killed, most likely for its memory: this one draws, if slower
            pass
    return [print_figure(figure) for figure in figures]


def print_figure(figure: Figure) -> Prints:
    """The figure in each form, with the same layout in all of them."""
    engine = figure.get_layout_engine()
    if engine:
        figure.set_dpi(CANVASES["png"][2])  # at fewer, hinting makes text narrower than it will be
        engine.execute(figure)
        figure.set_layout_engine("none")
    return {form: _draw(figure, form) for form in CANVASES}


def _draw(figure: Figure, form: Form) -> bytes:
    """The figure in one form. It is drawn on its canvas directly, since `Figure.savefig` would draw everything twice
    in order to find the layout, which is known here."""
    canvas, metadata, dpi = CANVASES[form]
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "bench", "pdf.fonttype": 42}):
        figure.set_dpi(dpi)
        getattr(canvas(figure), f"print_{form}")(buffer, metadata=metadata)
    return buffer.getvalue()
