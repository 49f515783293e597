"""The loss of the training, epoch by epoch."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ucls.report.plots.style import COLORS, ONE_COLUMN, new_figure
from ucls.report.training_curves import TrainingCurve

DASHES = ("-", "--", "-.", ":")
MOST_IN_LEGEND = 8


def curves_figure(curves: Sequence[TrainingCurve]) -> Figure:
    """Draws the mean loss of each group of heads, and the range of its heads behind it."""
    figure = new_figure(ONE_COLUMN, 2.2)
    axes = figure.add_subplot()
    for place, curve in enumerate(curves):
        color = COLORS[place % len(COLORS)]
        dashes = DASHES[place // len(COLORS) % len(DASHES)]
        axes.fill_between(
            curve.epochs, curve.lowest, curve.highest, color=color, alpha=0.2, linewidth=0
        )
        axes.plot(
            curve.epochs,
            curve.loss,
            dashes,
            color=color,
            label=f"group {curve.group + 1}",
            marker="o" if len(curve.epochs) == 1 else None,
            markersize=3,
        )
    axes.set(xlabel="epoch", ylabel="loss (mean, range of heads)")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if 1 < len(curves) <= MOST_IN_LEGEND:
        axes.legend()
    return figure
