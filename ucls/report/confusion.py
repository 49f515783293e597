"""True classes against clusters, in the order in which they match best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.types import Labels


@dataclass(frozen=True, eq=False)
class Confusion:
    """How the images of each class lie in the clusters.

    Attributes:
        classes: numbers of the classes that occur, int64 [n_classes]: those that match a cluster,
            rising, then the others.
        clusters: numbers of the clusters that occur, int64 [n_clusters]: the one that matches each
            class in turn, then the others.
        n_matched: of them.
        counts: images of each class in each cluster, int64 [n_classes, n_clusters].
        class_sizes: their images, those without a cluster included, int64 [n_classes].
    """

    classes: NDArray[np.int64]
    clusters: NDArray[np.int64]
    n_matched: int
    counts: NDArray[np.int64]
    class_sizes: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of each class the share that lies in each cluster, 0..1, [n_classes, n_clusters]."""
        shares: NDArray[np.float64] = self.counts / self.class_sizes[:, None]
        return shares

    @property
    def accuracy(self) -> float:
        """Share of the images in the cluster that matches their class, 0..1."""
        matched = np.arange(self.n_matched)
        return float(self.counts[matched, matched].sum() / self.class_sizes.sum())


def confusion(labels: Labels, clusters: Labels) -> Confusion:
    """Counts classes against clusters, and matches them one to one (Hungarian method).

    Args:
        labels: true classes, int32 [N]; -1 is unknown, and left out.
        clusters: int32 [N]; -1 is none, which matches no class.

    Raises:
        UsageError: if no image has a known label and a cluster.
    """
    from scipy.optimize import linear_sum_assignment

    known = labels >= 0
    labels, clusters = labels[known], clusters[known]
    assigned = clusters >= 0
    if not assigned.any():
        raise UsageError(
            "a confusion matrix needs images with a known label and a cluster, got none: "
            "start the run with labels"
        )
    classes, rows, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    numbers, columns = np.unique(clusters[assigned], return_inverse=True)
    counts = np.zeros((len(classes), len(numbers)), np.int64)
    np.add.at(counts, (rows[assigned], columns), 1)
    matched, partners = linear_sum_assignment(counts, maximize=True)
    row_order = _first(matched, len(classes))
    column_order = _first(partners, len(numbers))
    return Confusion(
        classes=classes[row_order].astype(np.int64),
        clusters=numbers[column_order].astype(np.int64),
        n_matched=len(matched),
        counts=counts[np.ix_(row_order, column_order)],
        class_sizes=sizes[row_order],
    )


def _first(places: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Some of the places below ``n``, then the others."""
    return np.concatenate([places, np.setdiff1d(np.arange(n), places)])
