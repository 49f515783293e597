"""The confusion matrix of true classes and clusters, after matching."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from ucls.report.confusion import Confusion
from ucls.report.plots.style import GREY, ONE_COLUMN, TWO_COLUMNS, new_figure
from ucls.report.shown_names import shown_cluster, shown_name
from ucls.runs.image_labels import ImageLabels

MOST_WITH_NUMBERS = 12
MOST_NAMED_IN_ONE_COLUMN = 25
MOST_NAMED = 60
MOST_CELLS = 250
"""Along a side; more would be smaller than a printer's dots."""
LETTERS = 16


def confusion_figure(found: Confusion, labels: ImageLabels, class_names: Sequence[str]) -> Figure:
    """Draws which share of each class lies in each cluster.

    Cells have numbers in small matrices; classes and clusters have names as long as they can be
    read. Of large matrices a cell shows the largest share of several.

    Args:
        found: the matrix.
        labels: of all images, for the names of the clusters.
        class_names: by number.
    """
    largest = max(found.counts.shape)
    is_wide = MOST_NAMED_IN_ONE_COLUMN < largest <= MOST_NAMED
    side = TWO_COLUMNS if is_wide else ONE_COLUMN
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    block = -(-largest // MOST_CELLS)
    image = axes.imshow(
        _largest_of_blocks(found.shares, block), cmap="Blues", vmin=0, vmax=1,
        interpolation="none", aspect="auto",
    )  # fmt: skip
    axes.spines[:].set_visible(True)
    title = "share of the class"
    if block > 1:
        title += f"\n(largest of {block} by {block} cells)"
    bar = figure.colorbar(
        image, ax=axes, location="top", shrink=0.6, aspect=30, pad=0.02,
        format=PercentFormatter(1.0, decimals=0),
    )  # fmt: skip
    bar.set_label(title, fontsize=7)
    bar.outline.set_linewidth(0.4)
    if largest <= MOST_NAMED:
        _name_axes(axes, found, labels, class_names, fontsize=7 if largest <= 25 else 6)
        axes.set(xlabel="cluster", ylabel="class")
    else:
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(f"{found.counts.shape[1]:,} clusters, by the class they match")
        axes.set_ylabel(f"{found.counts.shape[0]:,} classes")
    if largest <= MOST_WITH_NUMBERS:
        _write_shares(axes, found.shares)
    if found.n_matched < largest:
        _mark_unmatched(axes, found, block)
    return figure


def _largest_of_blocks(shares: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """The largest of each ``block`` by ``block`` cells."""
    padding = [(0, -length % block) for length in shares.shape]
    padded = np.pad(shares, padding)
    n_rows, n_columns = (length // block for length in padded.shape)
    largest: NDArray[np.float64] = padded.reshape(n_rows, block, n_columns, block).max(axis=(1, 3))
    return largest


def _name_axes(
    axes: Axes,
    found: Confusion,
    labels: ImageLabels,
    class_names: Sequence[str],
    *,
    fontsize: float,
) -> None:
    clusters = [
        shown_cluster(number, labels.names.get(number, ""), LETTERS)
        for number in found.clusters.tolist()
    ]
    classes = [shown_name(class_names[number], LETTERS) for number in found.classes.tolist()]
    is_upright = max(map(len, clusters)) > 3
    axes.set_xticks(
        range(len(clusters)), clusters, rotation=90 if is_upright else 0, fontsize=fontsize
    )
    axes.set_yticks(range(len(classes)), classes, fontsize=fontsize)
    axes.tick_params(length=0)


def _write_shares(axes: Axes, shares: NDArray[np.float64]) -> None:
    for (row, column), share in np.ndenumerate(shares):
        percent = round(100 * share)
        if percent:
            axes.text(
                column,
                row,
                str(percent),
                ha="center",
                va="center",
                fontsize=6,
                color="white" if share > 0.55 else "black",
            )


def _mark_unmatched(axes: Axes, found: Confusion, block: int) -> None:
    """Draws lines before the classes and clusters that have no partner."""
    n_rows, n_columns = found.counts.shape
    place = found.n_matched / block - 0.5
    if n_columns > found.n_matched:
        axes.axvline(place, color=GREY, linewidth=0.8, linestyle="--")
    if n_rows > found.n_matched:
        axes.axhline(place, color=GREY, linewidth=0.8, linestyle="--")
