"""The pictures of the site, drawn by the library itself: ``python docs/figures.py``.

Each is written as an SVG beside this file, and is the same each time.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from sklearn.cluster import KMeans
from sklearn.datasets import make_moons
from sklearn.neighbors import kneighbors_graph

from ucls import ConsensusClustering, MergeClustering
from ucls.ensemble.alignment import align
from ucls.report.plots.style import (
    COLORS,
    GREY,
    LIGHT_GREY,
    TWO_COLUMNS,
    house_style,
    new_figure,
    save_figure,
)
from ucls.stages.suggest_k import suggest_k
from ucls.types import IntArray

DOCS = Path(__file__).parent
N_SMALL = 10


def draw_merging() -> None:
    """Small clusters, what links them, and what is left after the merging."""
    points, _ = make_moons(200, noise=0.06, random_state=0)
    asked = KMeans(2, n_init=10, random_state=0).fit_predict(points)
    small = KMeans(N_SMALL, n_init=10, random_state=0)
    merged = MergeClustering(2, estimator=small).fit(points)
    panels = {
        "k-means, 2 clusters": asked,
        f"{N_SMALL} small clusters, and their links": merged.leaves_,
        "merged to 2 by the links": merged.labels_,
    }
    figure = new_figure(TWO_COLUMNS, 1.8)
    for axes, (title, labels) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        for number in range(labels.max() + 1):
            color = COLORS[number % len(COLORS)]
            axes.plot(*points[labels == number].T, ".", color=color, markersize=3)
        axes.set(title=title, xticks=[], yticks=[], aspect="equal")
        if labels is merged.leaves_:
            _draw_links(axes, points, labels)
    save_figure(figure, DOCS / "merging.svg", "svg")


def _draw_links(axes: Axes, points: npt.NDArray[np.float64], labels: IntArray) -> None:
    """A line between small clusters, as wide as there are neighbours in both."""
    rows, columns = kneighbors_graph(points, 10).nonzero()
    links = np.zeros((N_SMALL, N_SMALL))
    np.add.at(links, (labels[rows], labels[columns]), 1)
    centers = np.array([points[labels == number].mean(axis=0) for number in range(N_SMALL)])
    for one, other in zip(*np.triu_indices(N_SMALL, 1), strict=True):
        if width := links[one, other] + links[other, one]:
            axes.plot(*centers[[one, other]].T, color=GREY, linewidth=width / 12)
    axes.scatter(*centers.T, s=18, c="white", edgecolors=GREY, linewidths=0.8, zorder=3)


def draw_consensus() -> None:
    """What several heads say of the same images, under numbers of their own, and the consensus."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(4), 12)
    seen = np.where(rng.random((5, 48)) < 0.2, rng.integers(0, 4, (5, 48)), kinds)
    said = np.stack([rng.permutation(4)[head] for head in seen]).astype(np.int32)
    found = ConsensusClustering(4).fit_labels(said)
    rows = {
        "5 heads, each with numbers of its own": said,
        "the same, renumbered to agree": align(said, found.labels_, 4),
        "consensus": found.labels_[None],
    }
    figure = new_figure(TWO_COLUMNS, 2.6)
    *above, below = figure.subplots(4, 1, sharex=True, height_ratios=(5, 5, 1, 2.5))
    for axes, (title, labels) in zip(above, rows.items(), strict=True):
        axes.imshow(labels, cmap=ListedColormap(COLORS[:4]), aspect="auto", vmin=0, vmax=3)
        axes.set_title(title, loc="left")
        axes.set(xticks=[], yticks=[])
    below.bar(np.arange(48), found.confidence_, color=LIGHT_GREY, width=1)
    below.set(xticks=[], yticks=[0, 1], xlabel="48 images")
    below.set_title("confidence: the share of the heads that agree", loc="left")
    save_figure(figure, DOCS / "consensus.svg", "svg")


def draw_numbers() -> None:
    """What speaks for a number of clusters of digits."""
    suggest_k("digits", plot=DOCS / "numbers.svg", overwrite=True)


if __name__ == "__main__":
    with house_style():
        draw_merging()
        draw_consensus()
    draw_numbers()
