"""How networks learn: quality against the steps and the seconds of training."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...analysis.comparable import ComparableSet, RecordedCell
from ...codec import TrainingCurve
from .picture import Picture, Styles, dress, legend, line_styles, new_figure

SHOWN_FROM = 0.05
"""The part of all steps that is not drawn. In it quality rises from nothing, which would flatten the rest."""


def training_picture(group: ComparableSet, styles: Styles) -> list[Picture]:
    """One picture with a row for each sequence; none if no codec was trained. Of several seeds, it shows the
    lowest."""
    trained = [cell for curve in group.first_seed for cell in curve.cells if cell.record.training]
    if not trained:
        return []
    return [
        Picture(
            figure=draw(group, trained, styles),
            name=f"{group.slug}-training",
            caption=f"PSNR against training steps and seconds: {group.dataset}, {group.stamp}",
            alt="PSNR of the frames as they were trained on, float weights. " + " ".join(map(_outcome, trained)),
            wide=True,
        )
    ]


def draw(group: ComparableSet, trained: Sequence[RecordedCell], styles: Styles) -> Figure:
    """Quality against steps on the left, and against wall-clock seconds to the right of it. Each machine has axes
    of its own there, since seconds of different machines do not compare; each line ends at its network's size."""
    sequences = list(dict.fromkeys(cell.sequence for cell in trained))
    machines = list(dict.fromkeys(cell.record.environment.machine for cell in trained))
    columns, height = 1 + len(machines), 3.4 if len(sequences) == 1 else 2.4
    figure = new_figure(group, "quality while training", 4.6 * columns, height * len(sequences) + 1.1)
    grid = figure.subplots(len(sequences), columns, squeeze=False, sharex="col", sharey="row")
    lines = line_styles(group)
    for (by_step, *by_second), sequence in zip(grid, sequences, strict=True):
        for cell in trained:
            if cell.sequence == sequence and (curve := cell.record.training):
                colour, _ = styles[cell.record.codec.name]
                first = next(i for i, step in enumerate(curve.steps) if step >= SHOWN_FROM * curve.steps[-1])
                clock = by_second[machines.index(cell.record.environment.machine)]
                for axes, along in ((by_step, curve.steps), (clock, curve.seconds)):
                    axes.plot(
                        along[first:], curve.psnr_db[first:], lines[cell.label], color=colour, label=cell.label, lw=1.3
                    )
                _name_size(clock, curve.seconds[-1], curve, cell, colour)
        by_step.set_ylabel(f"{sequence}, PSNR (dB)" if len(sequences) > 1 else "PSNR (dB)", fontsize=9)
        for axes in (by_step, *by_second):
            dress(axes, labelled=sequence == sequences[-1])
            axes.margins(x=0.1)
    by_step, *by_second = grid[-1]
    by_step.set_xlabel("training steps", fontsize=9)
    for axes, name in zip(by_second, machines, strict=True):
        on = f" on {name}" if len(machines) > 1 else ""
        axes.set_xlabel(f"seconds of training{on}", fontsize=9)
    legend(figure, group)
    return figure


def _name_size(axes: Axes, end: float, curve: TrainingCurve, cell: RecordedCell, colour: str) -> None:
    """Write the number of the network's parameters at the end of its line."""
    size = cell.record.complexity.parameters if cell.record.complexity else 0
    axes.annotate(
        f"{size / 1e6:.2g} M",
        (end, curve.psnr_db[-1]),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        fontsize=7,
        color=colour,
    )


def _outcome(cell: RecordedCell) -> str:
    curve = cell.record.training
    assert curve is not None
    name = f"{cell.label} {cell.rate_point}".rstrip()
    return f"{name}: {curve.psnr_db[-1]:.2f} dB after {curve.steps[-1]} steps."
