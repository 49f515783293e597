"""The outliers of a run: images that belong to none of its clusters, also among new ones."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ucls.cache import read_nearest, read_tensors, write_csv, write_tensors
from ucls.cache import run_files as files
from ucls.neighbors.outliers import (
    NEAREST,
    distances_to,
    find_outliers,
    outlier_scores,
    usual_distances,
)
from ucls.runs.image_labels import ImageLabels
from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.types import Labels
from ucls.wording import count

COLUMNS = ("path", "split", "nearest", "score")
NONE = -1


def mark_outliers(run: Run, labels: ImageLabels) -> ImageLabels:
    """Puts outliers into no cluster, if the settings ask for it, and lists them.

    Args:
        run: whose labels they are.
        labels: as the classifier found them.
    """
    tensors, listed = run.folder.file(files.OUTLIER_SCORES), run.folder.file(files.OUTLIERS)
    for path in (tensors, listed):
        path.unlink(missing_ok=True)
    wanted = run.config.self_train.outliers
    if wanted is None:
        return labels
    rows, clusters = labels.rows_of("train"), labels.found
    graph = read_nearest(run.folder.file(files.NEIGHBORS), NEAREST)
    told = find_outliers(graph, clusters[rows], wanted, n_clusters=run.n_clusters)
    scores = np.empty(len(labels), dtype=np.float32)
    scores[rows] = told.scores
    known = Outliers(run, told.least, told.nearest, told.distances, told.usual)
    metadata = {"least": repr(told.least), "nearest": str(told.nearest)}
    write_tensors(tensors, {"distances": told.distances, "usual": told.usual}, metadata)
    for split in run.splits:
        if split != "train":
            with run.features(split) as cache:
                features = cache.read(run.feature_set)
            others = labels.rows_of(split)
            scores[others] = known.scores(features, clusters[others])
    found = np.flatnonzero(scores >= told.least)
    found = found[np.argsort(-scores[found], kind="stable")]
    write_csv(listed, COLUMNS, _rows(labels, found, scores))
    run.reporter.say(_in_words(len(found), len(labels), told.least, listed))
    marked = clusters.copy()
    marked[found] = NONE
    return replace(labels, clusters=marked, found=marked)


def _rows(
    labels: ImageLabels, rows: NDArray[np.int64], scores: NDArray[np.float32]
) -> list[tuple[str, str, int, str]]:
    return [
        (labels.paths[row], labels.splits[row], int(labels.found[row]), f"{scores[row]:.4f}")
        for row in rows.tolist()
    ]


def _in_words(n_outliers: int, n_images: int, least: float, path: Path) -> str:
    if not n_outliers:
        return "self-train: no image is an outlier"
    return (
        f"self-train: {n_outliers:,} of {count(n_images, 'image')} belong to no cluster, as they "
        f"are {least:.2f} times as far from their neighbours as is usual in the nearest, or "
        f"farther: {path}"
    )


@dataclass(frozen=True, eq=False)
class Outliers:
    """How the outliers of a run are told.

    Attributes:
        run: whose they are.
        least: the score from which on an image is one.
        nearest: the neighbour that is looked at, counted from 1.
        distances: of the training images to it, float32 [N].
        usual: its usual distance in each cluster, float32 [C].
    """

    run: Run
    least: float
    nearest: int
    distances: NDArray[np.float32]
    usual: NDArray[np.float32]

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """Those that the run was labelled with; None where none were asked for."""
        path = run.folder.file(files.OUTLIER_SCORES)
        if not path.is_file():
            return None
        tensors, metadata = read_tensors(path)
        least, nearest = float(metadata["least"]), int(metadata["nearest"])
        return cls(run, least, nearest, tensors["distances"], tensors["usual"])

    def of_clusters(self, labels: ImageLabels) -> "Outliers":
        """The same for corrected clusters, whose usual distances are others."""
        clusters = labels.clusters[labels.rows_of("train")]
        n_clusters = max((*labels.sizes(), self.run.n_clusters)) + 1
        return replace(self, usual=usual_distances(self.distances, clusters, n_clusters))

    def scores(self, features: NDArray[np.floating], clusters: Labels) -> NDArray[np.float32]:
        """The scores of images that are not in the graph.

        Args:
            features: of the run's feature set, as cached, [Q, D].
            clusters: the cluster that each would be in, int32 [Q].

        Raises:
            UsageError: if the features of the training images are gone.
        """
        prepared = read_preparation(self.run).of_array(features.copy())
        distances = distances_to(self._training_features, prepared, self.nearest)
        return outlier_scores(distances, clusters, self.usual)

    @cached_property
    def _training_features(self) -> NDArray[np.floating]:
        with self.run.features("train") as cache:
            features = cache.read(self.run.feature_set)
        return read_preparation(self.run).of_array(features)
