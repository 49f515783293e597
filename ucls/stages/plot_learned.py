"""Figures of a network that was learned, as PNG and SVG."""

import csv
import json
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.backbones.learned_files import learned_file
from ucls.config import Config
from ucls.errors import UsageError
from ucls.images.files import UnreadableImageError
from ucls.images.sets import ImageSet
from ucls.pretraining.record import CLUSTERS, LOG, RECORD, learned_from
from ucls.progress import SILENT, Reporter
from ucls.report.confusion import confusion
from ucls.report.plots.drawing import FOLDER, Drawn, LeftOut, Plots, draw_all
from ucls.report.projection import project
from ucls.report.sample import sample_rows
from ucls.report.shown_names import shown_cluster
from ucls.report.typical import largest_clusters, typical_rows
from ucls.runs.backbone import backbone_of
from ucls.runs.image_labels import ImageLabels
from ucls.settings.extraction import resolve_extractions
from ucls.sources import load_source
from ucls.stages.plot import MOST_ROWS, NO_PICTURES, TITLE_LETTERS
from ucls.types import Labels
from ucls.wording import count

NO_CLUSTERS = "its method learns no clusters"
NO_LABELS = "the labels of the images are not known"


class _Learned(NamedTuple):
    """A network and what it makes of its images."""

    path: Path
    files: list[Path]
    """What its images are read from."""
    images: ImageSet
    clusters: Labels | None
    """Of each image [N]; -1 of those that could not be read. None without."""
    rows: NDArray[np.int64]
    """A sample of the images [n]."""
    points: NDArray[np.float32]
    """Where these lie on the map, [n, 2]."""
    typical: NDArray[np.float32]
    """Cosine similarity of each image to the middle of its cluster [N]; -1 outside of the
    sample."""

    def labels(self, numbers: Labels, names: dict[int, str]) -> ImageLabels:
        """Clusters or classes [N] as figures take them."""
        paths = self.images.paths
        return ImageLabels(
            paths, ["train"] * len(paths), numbers, self.typical, self.typical, numbers, names
        )

    def by_cluster(self) -> ImageLabels:
        """The images by cluster."""
        if self.clusters is None:
            raise LeftOut(NO_CLUSTERS)
        return self.labels(self.clusters, {})

    def by_class(self) -> ImageLabels:
        """The images by class."""
        if self.images.labels is None:
            raise LeftOut(NO_LABELS)
        return self.labels(self.images.labels, dict(enumerate(self.images.class_names)))


def is_learning(path: str | Path) -> bool:
    """Whether a folder is one of ``ucls pretrain``, be it finished or not."""
    return (Path(path) / RECORD).is_file()


def plot_learned(
    path: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Plots:
    """Draws what a network of ``ucls pretrain`` learned.

    Needs its folder and its images; leaves ``map`` (a sample by cluster), ``classes`` (the same by
    class), ``sizes`` of the clusters, ``confusion``, ``curves`` and ``grid`` as PNG and SVG, and
    ``plots.json``. What there are no labels, clusters or pictures for is left out, with the reason.

    Args:
        path: the folder.
        out: where to write; None for ``plots`` in the folder.
        overwrite: replace files there that this command did not write, or that were changed since.
        reporter: shown what happens.

    Raises:
        UsageError: if nothing is learned there yet, the images are gone, or files there may not be
            replaced.
    """
    folder = Path(path)
    network = learned_file(folder)
    if network is None:
        raise UsageError(
            f"the training in {path} is not finished: run the same `ucls pretrain` again"
        )
    learned = _open(folder, reporter)
    return draw_all(
        Path(out) if out else folder / FOLDER,
        {name: partial(draw, learned) for name, draw in FIGURES.items()},
        facts={"network": str(network.resolve()), "seed": 0},
        inputs=[network, folder / LOG, folder / CLUSTERS, *learned.files],
        overwrite=overwrite,
        reporter=reporter,
    )


def _open(folder: Path, reporter: Reporter) -> _Learned:
    arguments: dict[str, Any] = learned_from(folder)
    source = load_source(**arguments)
    images = source.splits["train"]
    if not isinstance(images, ImageSet):
        raise UsageError(f"{folder} names {source.name} as its images, which holds features now")
    images = images.of_classes(source.classes).merged(source.class_map)
    clusters = _clusters(folder / CLUSTERS, images.paths)
    groups = clusters if clusters is not None else images.labels
    rows = sample_rows(np.zeros(len(images), np.int32) if groups is None else groups, seed=0)
    config = Config().with_values({"extract.backbone": str(folder)})
    extraction = next(iter(resolve_extractions(config, source).values()))
    read, vectors = _vectors(images.of_rows(rows), backbone_of(extraction, "auto"), reporter)
    rows = rows[read]
    typical = np.full(len(images), -1, np.float32)
    if clusters is not None:
        typical[rows] = _to_middle(vectors, clusters[rows])
    files, points = list(source.files()), project(vectors, 0)
    return _Learned(folder, files, images, clusters, rows, points, typical)


def _clusters(path: Path, images: list[str]) -> Labels | None:
    """What ``clusters.csv`` says of images; None without."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        found = {row["path"]: int(row["cluster"]) for row in csv.DictReader(file)}
    return np.array([found.get(image, -1) for image in images], np.int32)


def _vectors(
    images: ImageSet, backbone: Any, reporter: Reporter
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which images [n] can be read, and their vectors [n, D]."""
    from ucls.extraction.tokens import extract_tokens

    rows, vectors = [], []
    with reporter.track("plot: images", len(images), "images") as advance:
        for batch in extract_tokens(images, backbone, advance=advance):
            rows.append(batch.rows)
            vectors.append(batch.cls[0, :, 0])
    return np.concatenate(rows), np.concatenate(vectors)


def _to_middle(vectors: NDArray[np.float32], clusters: Labels) -> NDArray[np.float32]:
    """Cosine similarity of each vector [n, D] to the mean of its cluster's."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)
    similarity = np.empty(len(unit), np.float32)
    for cluster in np.unique(clusters):
        own = clusters == cluster
        middle = unit[own].mean(axis=0)
        similarity[own] = unit[own] @ middle / max(float(np.linalg.norm(middle)), 1e-12)
    return similarity


def _map_of(learned: _Learned, labels: ImageLabels) -> Drawn:
    from ucls.report.plots.map_figure import map_figure

    n_shown, n_images = len(learned.rows), len(learned.images)
    note = f"{n_shown:,} of {count(n_images, 'image')}" if n_shown < n_images else ""
    return Drawn(map_figure(learned.points, labels, learned.rows), note)


def _map(learned: _Learned) -> Drawn:
    return _map_of(learned, learned.by_cluster())


def _classes(learned: _Learned) -> Drawn:
    return _map_of(learned, learned.by_class())


def _sizes(learned: _Learned) -> Drawn:
    from ucls.report.plots.sizes_figure import sizes_figure

    return Drawn(sizes_figure(learned.by_cluster()))


def _confusion(learned: _Learned) -> Drawn:
    from ucls.report.plots.confusion_figure import confusion_figure

    labels, classes = learned.by_cluster(), learned.by_class()
    found = confusion(classes.clusters, labels.clusters)
    note = f"ACC {found.accuracy:.3f}"
    return Drawn(confusion_figure(found, labels, list(learned.images.class_names)), note)


def _curves(learned: _Learned) -> Drawn:
    from ucls.report.plots.learning_figure import learning_figure

    path = learned.path / LOG
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not lines:
        raise LeftOut("there is no record of its training")
    return Drawn(learning_figure([json.loads(line) for line in lines]))


def _grid(learned: _Learned) -> Drawn:
    from ucls.report.plots.grid_figure import N_PER_ROW, GridRow, grid_figure, tile

    labels = learned.by_cluster()
    sizes, rows = labels.sizes(), []
    for cluster in largest_clusters(labels, MOST_ROWS):
        tiles = []
        for row in islice(typical_rows(labels, cluster), N_PER_ROW):
            try:
                tiles.append(tile(learned.images.read(row)))
            except UnreadableImageError:
                continue
        name = shown_cluster(cluster, "", TITLE_LETTERS)
        rows.append(GridRow(f"{name}\n{count(sizes[cluster], 'image')}", tiles))
    if not any(row.pictures for row in rows):
        raise LeftOut(NO_PICTURES)
    note = f"the {len(rows)} largest of {len(sizes):,} clusters" if len(rows) < len(sizes) else ""
    return Drawn(grid_figure(rows), note)


FIGURES: dict[str, Callable[[_Learned], Drawn]] = {
    "map": _map,
    "classes": _classes,
    "sizes": _sizes,
    "confusion": _confusion,
    "curves": _curves,
    "grid": _grid,
}
