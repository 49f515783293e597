"""Figures of a finished run for papers, as PNG and SVG."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from ucls.cache import atomic_write, check_output, read_json, read_truth, write_json
from ucls.cache import run_files as files
from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.progress import SILENT, Reporter
from ucls.report.confusion import confusion
from ucls.report.projection import project
from ucls.report.sample import sample_rows, sampled_features
from ucls.report.shown_names import shown_cluster
from ucls.report.training_curves import read_training_curves
from ucls.report.typical import largest_clusters, typical_rows
from ucls.runs.catalog import run_files
from ucls.runs.image_labels import ImageLabels, read_labels
from ucls.runs.opening import open_run
from ucls.runs.pictures import Pictures
from ucls.runs.run import Run
from ucls.types import Labels
from ucls.wording import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "plots"
RECORD = "plots.json"
MADE_BY = "ucls plot"
MOST_ROWS = 20
"""Clusters in the grid; more would not fit on a page."""
TITLE_LETTERS = 16


class LeftOut(Exception):  # noqa: N818 - says why there is no figure, which is no error
    """Why a run has nothing that a figure could show."""


class Plots(NamedTuple):
    """What was drawn."""

    folder: Path
    files: list[Path]
    """A PNG and an SVG of each figure."""
    notes: dict[str, str]
    """By figure what is to be said of it, such as that it shows a sample."""
    left_out: dict[str, str]
    """By figure why it was not drawn."""


class Drawn(NamedTuple):
    """A figure, and what is to be said of it."""

    figure: "Figure"
    note: str = ""


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
    from ucls.report.plots.style import FORMATS, house_style, save_figure

    run = open_run(path, after="self-train", reporter=reporter)
    folder = Path(out) if out else run.folder.file(FOLDER)
    _check(folder, run, overwrite=overwrite)
    labels = read_labels(run)
    plots = Plots(folder, [], {}, {})
    digests: dict[str, str] = {}
    with reporter.track("plot", len(FIGURES), "figures") as advance, house_style():
        for name, draw in FIGURES.items():
            try:
                drawn = draw(run, labels)
            except LeftOut as reason:
                plots.left_out[name] = str(reason)
                advance()
                continue
            if drawn.note:
                plots.notes[name] = drawn.note
            for kind in FORMATS:
                target = folder / f"{name}.{kind}"
                with atomic_write(target) as partial:
                    save_figure(drawn.figure, partial, kind)
                digests[target.name] = _digest(target)
                # Kept up to date, so that a stop leaves no file that is taken for another's.
                _write_record(folder, run, labels, digests)
                plots.files.append(target)
            advance()
    return plots


def _check(folder: Path, run: Run, *, overwrite: bool) -> None:
    """Checks all files at once, before the first is written."""
    from ucls.report.plots.style import FORMATS

    if folder.exists() and not folder.is_dir():
        raise UsageError(f"expected a folder for the plots, got the file {folder}: choose another")
    record = folder / RECORD
    written = _written(record)

    def is_own(path: Path) -> bool:
        return path.name in written and _digest(path) == written[path.name]

    is_own_by_name = {RECORD: _is_record}
    is_own_by_name |= {f"{name}.{kind}": is_own for name in FIGURES for kind in FORMATS}
    # Of a million images only those are compared that one of the files could be.
    protected = [file for file in run.inputs() if file.name in is_own_by_name]
    for name, test in is_own_by_name.items():
        check_output(
            folder / name,
            is_own=test,
            overwrite=overwrite,
            protected=protected,
            reserved=run_files(),
        )


def _is_record(path: Path) -> bool:
    try:
        record = read_json(path)
    except UsageError:
        return False
    return (
        isinstance(record, dict)
        and record.get("made_by") == MADE_BY
        and isinstance(record.get("sha256"), dict)
    )


def _written(record: Path) -> dict[str, str]:
    """The digests of the files that were written there before."""
    if not (record.is_file() and _is_record(record)):
        return {}
    found: dict[str, str] = read_json(record)["sha256"]
    return found


def _write_record(folder: Path, run: Run, labels: ImageLabels, digests: dict[str, str]) -> None:
    content = {
        "made_by": MADE_BY,
        "run": str(run.folder.path.resolve()),
        "seed": run.config.seed,
        "labels": "as corrected" if labels.is_corrected else "as found",
        "labels_fingerprint": labels.fingerprint,
        "sha256": {**_written(folder / RECORD), **digests},
    }
    write_json(folder / RECORD, content)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
        raise LeftOut("none of the pictures can be read any more")
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
