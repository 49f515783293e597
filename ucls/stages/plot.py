"""Figures of a finished run for papers, as PNG and SVG."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from ucls.cache import read_truth
from ucls.cache import run_files as files
from ucls.images.files import UnreadableImageError
from ucls.progress import SILENT, Reporter
from ucls.report.confusion import confusion
from ucls.report.plots.drawing import FOLDER, Drawn, LeftOut, Plots, draw_all
from ucls.report.projection import project
from ucls.report.sample import sample_rows, sampled_features
from ucls.report.shown_names import shown_cluster
from ucls.report.training_curves import read_training_curves
from ucls.report.typical import largest_clusters, typical_rows
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.opening import open_run
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.types import Labels
from ucls.wording import count

MOST_ROWS = 20
"""Clusters in the grid; more would not fit on a page."""
TITLE_LETTERS = 16
NO_PICTURES = "none of the pictures can be read any more"


def plot(
    path: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Plots:
    """Draws the map, the sizes, the confusion matrix, the training and a grid of pictures.

    Needs ``labels.csv``, meant as corrected, and the features; leaves ``map``, ``sizes``,
    ``confusion``, ``curves`` and ``grid`` as PNG and SVG, and ``plots.json``, which tells its files
    from those of others. What a run has no labels or no pictures for is left out, with the reason.

    Args:
        path: the run folder.
        out: where to write; None for ``plots`` in the run folder.
        overwrite: replace files there that this command did not write, or that were changed since.
        reporter: shown what happens.

    Raises:
        UsageError: if there is no run, or files there may not be replaced.
        UclsError: if the run is not labelled yet, or the disk does not take a figure.
    """
    run = open_run(path, after="self-train", reporter=reporter)
    labels = read_labels(run)
    return draw_all(
        Path(out) if out else run.folder.file(FOLDER),
        {name: partial(draw, run, labels) for name, draw in FIGURES.items()},
        facts={
            "run": str(run.folder.path.resolve()),
            "seed": run.config.seed,
            "labels": "as corrected" if labels.is_corrected else "as found",
            "labels_fingerprint": labels.fingerprint,
        },
        inputs=run.inputs(),
        overwrite=overwrite,
        reporter=reporter,
    )


def _map(run: Run, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.map_figure import map_figure

    rows = sample_rows(labels.clusters, seed=run.config.seed)
    points = project(sampled_features(run, rows), run.config.seed)
    note = f"{len(rows):,} of {count(len(labels), 'image')}" if len(rows) < len(labels) else ""
    return Drawn(map_figure(points, labels, rows), note)


def _sizes(run: Run, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.sizes_figure import sizes_figure

    _require_clusters(labels)
    return Drawn(sizes_figure(labels))


def _confusion(run: Run, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.confusion_figure import confusion_figure

    if run.data.labels_key is None:
        raise LeftOut("the labels of the images are not known")
    _require_clusters(labels)
    truth = read_truth(run.folder.file(files.TRUTH))
    classes = np.concatenate(list(_truth_by_split(run, labels, truth.labels)))
    found = confusion(classes, labels.clusters)
    n_known = int((classes >= 0).sum())
    shown = f"{n_known:,} of {count(len(labels), 'image')}, " if n_known < len(labels) else ""
    note = f"{shown}ACC {found.accuracy:.3f} over {' and '.join(run.splits)}"
    return Drawn(confusion_figure(found, labels, truth.class_names), note)


def _truth_by_split(run: Run, labels: ImageLabels, truth: dict[str, Labels]) -> Iterator[Labels]:
    for split in run.splits:
        n_images = len(labels.rows_of(split))
        yield truth.get(split, np.full(n_images, -1, np.int32))


def _curves(run: Run, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.curves_figure import curves_figure

    path = run.folder.file(files.TRAINING_LOG)
    curves = read_training_curves(path) if path.is_file() else []
    if not curves:
        raise LeftOut("the run has no record of its training")
    return Drawn(curves_figure(curves))


def _grid(run: Run, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.grid_figure import N_PER_ROW, GridRow, grid_figure

    _require_clusters(labels)
    pictures = {split: Pictures.of(run, split) for split in run.splits}
    reasons = [own.reason for own in pictures.values() if not own]
    if len(reasons) == len(pictures):
        raise LeftOut(reasons[0])
    sizes, rows = labels.sizes(), []
    for cluster in largest_clusters(labels, MOST_ROWS):
        name = shown_cluster(cluster, labels.names.get(cluster, ""), TITLE_LETTERS)
        tiles = list(islice(_tiles(pictures, labels, cluster), N_PER_ROW))
        rows.append(GridRow(f"{name}\n{count(sizes[cluster], 'image')}", tiles))
    if not any(row.pictures for row in rows):
        raise LeftOut(NO_PICTURES)
    left_out = len(sizes) - len(rows)
    note = f"the {len(rows)} largest of {len(sizes):,} clusters" if left_out else ""
    return Drawn(grid_figure(rows), note)


def _tiles(
    pictures: dict[str, Pictures], labels: ImageLabels, cluster: int
) -> Iterator[Image.Image]:
    """The most typical images of a cluster that can be read."""
    from ucls.report.plots.grid_figure import tile

    starts = {split: int(labels.rows_of(split)[0]) for split in pictures}
    for row in typical_rows(labels, cluster):
        split = labels.splits[row]
        try:
            yield tile(pictures[split].read(row - starts[split]))
        except UnreadableImageError:
            continue


def _require_clusters(labels: ImageLabels) -> None:
    if (labels.clusters < 0).all():
        raise LeftOut("no image is in a cluster")


FIGURES: dict[str, Callable[[Run, ImageLabels], Drawn]] = {
    "map": _map,
    "sizes": _sizes,
    "confusion": _confusion,
    "curves": _curves,
    "grid": _grid,
}
