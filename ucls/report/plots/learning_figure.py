"""How a network learned: its loss, and what labels say of it, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ucls.report.plots.style import COLORS, ONE_COLUMN, new_figure

SCORES = {"knn": "k-NN", "acc": "ACC", "nmi": "NMI"}


def learning_figure(log: Sequence[Mapping[str, Any]]) -> Figure:
    """Draws the loss, and below it the scores where labels are known.

    Args:
        log: by epoch ``epoch``, ``loss`` and whatever there is of ``knn``, ``acc`` and ``nmi``.
    """
    scores = {name: told for name, told in SCORES.items() if name in log[-1]}
    n_axes = 2 if scores else 1
    figure = new_figure(ONE_COLUMN, 1.2 + n_axes)
    all_axes = figure.subplots(n_axes, sharex=True, squeeze=False)[:, 0]
    epochs = [line["epoch"] for line in log]
    marker = {"marker": "o" if len(log) == 1 else None, "markersize": 3}
    all_axes[0].plot(epochs, [line["loss"] for line in log], color=COLORS[0], **marker)
    all_axes[0].set(ylabel="loss")
    for place, (name, told) in enumerate(scores.items()):
        values = [line.get(name) for line in log]
        all_axes[1].plot(epochs, values, color=COLORS[place + 1], label=told, **marker)
    if scores:
        all_axes[1].set(ylabel="score", ylim=(0, 1))
        all_axes[1].legend()
    all_axes[-1].set(xlabel="epoch")
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure
