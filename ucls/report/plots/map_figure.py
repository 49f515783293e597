"""The map: a sample of the images, coloured by cluster."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ucls.report.plots.cluster_styles import ClusterStyle, cluster_styles
from ucls.report.plots.style import COLORS, GREY, ONE_COLUMN, TWO_COLUMNS, new_figure
from ucls.report.shown_names import shown_cluster
from ucls.runs.image_labels import ImageLabels

MOST_IN_LEGEND = 14
MOST_IN_ONE_COLUMN = 40
MOST_ON_MAP = 60
LEGEND_LETTERS, MAP_LETTERS = 22, 14
LETTER_WIDTH, LINE_HEIGHT = 0.062, 0.15
"""Inches of the legend's font."""
HANDLE_WIDTH = 0.35
ROOMY = 1.5
"""Clusters this many times as high as half a line have their names on them, others above."""


def map_figure(
    points: NDArray[np.floating], labels: ImageLabels, rows: NDArray[np.int64]
) -> Figure:
    """Draws a map.

    With few clusters a legend names them, with more their names stand on the map, the largest
    first, where there is room. As soon as colours are used twice, numbers stand there anyway.

    Args:
        points: of the sample, [n, 2] in 0..1.
        labels: of all images.
        rows: which of these are in the sample, int64 [n].
    """
    clusters = labels.clusters[rows]
    numbers = np.unique(clusters[clusters >= 0]).tolist()
    centers = np.array([_center(points[clusters == number]) for number in numbers])
    styles = dict(zip(numbers, cluster_styles(centers.reshape(-1, 2)), strict=True))
    has_legend = len(numbers) <= MOST_IN_LEGEND
    shown = [*numbers, -1] if (clusters < 0).any() else numbers
    names = {number: _name(labels, number, LEGEND_LETTERS) for number in shown}
    n_lines, n_columns = _lines_and_columns(list(names.values()))
    side = ONE_COLUMN if len(numbers) <= MOST_IN_ONE_COLUMN else TWO_COLUMNS
    figure = new_figure(side, side + (LINE_HEIGHT * n_lines if has_legend else 0))
    axes = figure.add_subplot()
    _draw_points(axes, points, clusters, styles, names)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", xticks=[], yticks=[])
    axes.axis("off")
    if has_legend:
        figure.legend(
            loc="outside lower center", ncols=n_columns, columnspacing=1.0, handletextpad=0.1,
            markerscale=1.5,
        )  # fmt: skip
    if len(numbers) > len(COLORS):
        own = {number: points[clusters == number] for number in numbers}
        _name_on_map(axes, own, labels, side=side, longest=0 if has_legend else MAP_LETTERS)
    return figure


def _draw_points(
    axes: Axes,
    points: NDArray[np.floating],
    clusters: NDArray[np.int32],
    styles: dict[int, ClusterStyle],
    names: dict[int, str],
) -> None:
    size = float(np.clip(6000 / max(len(points), 1), 3, 14))
    for number, style in styles.items():
        own = points[clusters == number]
        axes.scatter(
            own[:, 0], own[:, 1], s=size, c=style.color, marker=style.marker, linewidths=0,
            alpha=0.8, label=names[number], gid=f"cluster-{number}",
        )  # fmt: skip
    wrong = points[clusters < 0]
    if len(wrong):
        axes.scatter(
            wrong[:, 0], wrong[:, 1], s=size, c=GREY, marker="x", linewidths=0.6,
            label=names[-1],
        )  # fmt: skip


def _center(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """The image in the middle of some, [2]; a mean could lie outside of all of them."""
    distance = np.abs(points - np.median(points, axis=0)).sum(axis=1)
    center: NDArray[np.floating] = points[distance.argmin()]
    return center


def _name(labels: ImageLabels, number: int, longest: int) -> str:
    return shown_cluster(number, labels.names.get(number, ""), longest)


def _lines_and_columns(names: list[str]) -> tuple[int, int]:
    """How a legend under the map is best laid out."""
    longest = max(map(len, names), default=1)
    most = max(1, int(ONE_COLUMN / (HANDLE_WIDTH + LETTER_WIDTH * longest)))
    n_lines = -(-len(names) // most)
    return n_lines, -(-len(names) // max(n_lines, 1)) or 1


def _name_on_map(
    axes: Axes,
    points: dict[int, NDArray[np.floating]],
    labels: ImageLabels,
    *,
    side: float,
    longest: int,
) -> None:
    """Writes names on clusters or, where these are small, above; none over another.

    Those of large clusters come first.

    Args:
        axes: of the map.
        points: of each cluster by its number, [m, 2].
        labels: of all images.
        side: of the map in inches.
        longest: letters of the names; 0 for the numbers alone.
    """
    sizes = labels.sizes()
    half_height = LINE_HEIGHT / 2 / side
    taken: list[tuple[float, float, float, float]] = []
    for number in sorted(points, key=lambda number: (-sizes[number], number)):
        name = _name(labels, number, longest) if longest else str(number)
        half_width = LETTER_WIDTH * (len(name) + 1) / 2 / side
        x, y = _center(points[number])
        # Half of the images are this near, whatever strays.
        core = float(np.median(np.abs(points[number][:, 1] - y)))
        if core < ROOMY * half_height:  # the name would hide them
            y = min(y + 2 * core + 1.3 * half_height, 1 - half_height)
        x = float(np.clip(x, half_width, 1 - half_width))
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        if any(_overlap(box, other) for other in taken):
            continue
        taken.append(box)
        axes.text(
            x, y, name, ha="center", va="center", fontsize=6,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
        if len(taken) == MOST_ON_MAP:
            break


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
