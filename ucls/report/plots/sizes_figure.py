"""The sizes of the clusters, largest first."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ucls.report.plots.style import COLORS, GREY, ONE_COLUMN, new_figure
from ucls.report.shown_names import shown_cluster
from ucls.runs.image_labels import ImageLabels

MOST_NAMED = 30
BAR_HEIGHT = 0.16
LETTERS = 24


def sizes_figure(labels: ImageLabels) -> Figure:
    """Draws a bar for each cluster: with its name while there are few, else without."""
    sizes = labels.sizes()
    order = sorted(sizes, key=lambda number: (-sizes[number], number))
    n_without = int((labels.clusters < 0).sum())
    if len(order) <= MOST_NAMED:
        return _named(labels, order, n_without)
    figure = new_figure(ONE_COLUMN, 2.2)
    axes = figure.add_subplot()
    heights = np.array([sizes[number] for number in order])
    # One shape instead of a thousand bars, whose edges would blur.
    axes.fill_between(
        np.arange(len(heights) + 1),
        np.append(heights, heights[-1]),
        step="post",
        color=COLORS[0],
        linewidth=0,
    )
    median = float(np.median(heights))
    axes.axhline(median, color=COLORS[3], linewidth=0.8, linestyle="--")
    axes.annotate(
        f"median {median:,.0f}",
        (1, median),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7,
        color=COLORS[3],
    )
    axes.set(xlim=(0, len(heights)), ylim=(0, None), ylabel="images")
    axes.set_xlabel(f"{len(order):,} clusters, largest first")
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_thousands))
    return figure


def _named(labels: ImageLabels, order: list[int], n_without: int) -> Figure:
    sizes = labels.sizes()
    widths = [sizes[number] for number in order] + ([n_without] if n_without else [])
    names = [shown_cluster(number, labels.names.get(number, ""), LETTERS) for number in order]
    names += [shown_cluster(-1)] if n_without else []
    colors = [COLORS[0]] * len(order) + ([GREY] if n_without else [])
    figure = new_figure(ONE_COLUMN, 0.5 + BAR_HEIGHT * max(len(widths), 2))
    axes = figure.add_subplot()
    bars = axes.barh(range(len(widths)), widths, color=colors, height=0.75)
    axes.bar_label(bars, [f"{width:,}" for width in widths], fontsize=6.5, padding=2)
    axes.set_yticks(range(len(widths)), names)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.12, y=0.02)
    axes.invert_yaxis()
    axes.set_xlabel("images")
    axes.set_ylabel("cluster")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
    return figure


def _thousands(value: float, _: int) -> str:
    return f"{value:,.0f}"
