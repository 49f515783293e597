"""How good clusters are: against true labels, against neighbours, and on their own.

Labels are true classes, integers [N] from 0; images with label -1 (unknown) are left out.
Clusters are integers [N] from 0; cluster -1 (no cluster) counts as an error in every accuracy
and as one more cluster in NMI, AMI and ARI. Anything below -1 is refused. Nothing here needs more
than a few arrays of N integers and one table of classes by clusters.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.errors import UsageError
from ucls.metrics.adjusted_information import adjusted_mutual_information
from ucls.types import IntArray, Labels, NeighborGraph, check_labels, renumber

# Rows of a neighbour graph looked at together: bounds memory, whatever N is.
ROWS_PER_CHUNK = 4096


class NeighborStatistics(NamedTuple):
    """The neighbours above one similarity threshold."""

    threshold: float
    mean_count: float
    """Neighbours per image."""
    accuracy: float | None
    """Share of the pairs with equal labels; None where no pair has two known labels."""


def clustering_accuracy(labels: IntArray, clusters: IntArray) -> float:
    """ACC: the share of images right under the best one-to-one map (Hungarian method).

    With more clusters than classes the surplus clusters are errors, with fewer the surplus
    classes are.

    Args:
        labels: classes [N]; -1 is unknown.
        clusters: clusters [N].

    Returns:
        0..1.

    Raises:
        UsageError: not two integer vectors of one length, a value below -1, or no known label.

    Example:
        >>> import numpy as np
        >>> from ucls.metrics import clustering_accuracy
        >>> clustering_accuracy(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
        0.75
    """
    table = _count(labels, clusters)
    return float(table.counts[_match(table)].sum() / table.class_sizes.sum())


def many_to_one_accuracy(labels: IntArray, clusters: IntArray) -> float:
    """The share of images right when each cluster stands for its most frequent class.

    Arguments, range and errors as in :func:`clustering_accuracy`.
    """
    table = _count(labels, clusters)
    return float(table.counts.max(axis=0, initial=0).sum() / table.class_sizes.sum())


def class_averaged_accuracy(labels: IntArray, clusters: IntArray) -> float:
    """The mean over classes of the share right, under the map of :func:`clustering_accuracy`.

    Arguments, range and errors as in :func:`clustering_accuracy`.
    """
    table = _count(labels, clusters)
    classes, partners = _match(table)
    right = np.zeros(len(table.classes))
    right[classes] = table.counts[classes, partners]
    return float(np.mean(right / table.class_sizes))


def matched_classes(labels: IntArray, clusters: IntArray) -> Labels:
    """The class of each image's cluster under the map of :func:`clustering_accuracy`.

    Arguments and errors as there.

    Returns:
        int32 [N], also for images with label -1; -1 where a cluster stands for no class.
    """
    clusters = np.asarray(clusters)
    table = _count(labels, clusters)
    rows, columns = _match(table)
    class_of = np.full(int(clusters.max(initial=-1)) + 1, -1, dtype=np.int32)
    class_of[table.clusters[columns]] = table.classes[rows]
    return renumber(clusters, class_of)


def nmi(labels: IntArray, clusters: IntArray) -> float:
    """Normalised mutual information, arithmetic mean; 0..1. As :func:`clustering_accuracy`."""
    from sklearn.metrics import normalized_mutual_info_score

    return _score(normalized_mutual_info_score, labels, clusters)


def ami(labels: IntArray, clusters: IntArray) -> float:
    """Adjusted mutual information, arithmetic mean; at most 1. As :func:`clustering_accuracy`."""
    table = _count(labels, clusters)
    without_cluster = table.class_sizes - table.counts.sum(axis=1)
    counts = np.column_stack([table.counts, without_cluster])
    return adjusted_mutual_information(counts[:, counts.any(axis=0)])


def ari(labels: IntArray, clusters: IntArray) -> float:
    """Adjusted Rand index; -0.5..1. As :func:`clustering_accuracy`."""
    from sklearn.metrics import adjusted_rand_score

    return _score(adjusted_rand_score, labels, clusters)


def clustering_metrics(labels: IntArray, clusters: IntArray) -> dict[str, float]:
    """All figures that compare clusters with labels.

    Arguments and errors as in :func:`clustering_accuracy`.

    Returns:
        ``acc``, ``acc_many_to_one``, ``acc_class_mean`` and ``nmi`` in 0..1; ``ari`` and
        ``ami`` up to 1, and below 0 for clusters worse than chance.

    Example:
        >>> import numpy as np
        >>> from ucls.metrics import clustering_metrics
        >>> figures = clustering_metrics(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 2]))
        >>> figures["acc"], figures["acc_many_to_one"]
        (0.75, 1.0)
    """
    return {
        "acc": clustering_accuracy(labels, clusters),
        "acc_many_to_one": many_to_one_accuracy(labels, clusters),
        "acc_class_mean": class_averaged_accuracy(labels, clusters),
        "nmi": nmi(labels, clusters),
        "ari": ari(labels, clusters),
        "ami": ami(labels, clusters),
    }


def cluster_sizes(clusters: IntArray, n_clusters: int) -> npt.NDArray[np.int64]:
    """Counts the images of each cluster.

    Args:
        clusters: clusters [N] below ``n_clusters``; -1 is left out.
        n_clusters: number of clusters, the empty ones included.

    Returns:
        int64 [n_clusters].

    Raises:
        UsageError: a cluster outside -1..n_clusters-1.
    """
    clusters = np.asarray(clusters)
    if clusters.size and not -1 <= clusters.min() <= clusters.max() < n_clusters:
        raise UsageError(
            f"clusters must be in -1..{n_clusters - 1}, got {clusters.min()}..{clusters.max()}: "
            "renumber them or change n_clusters"
        )
    return np.bincount(clusters[clusters >= 0], minlength=n_clusters).astype(np.int64)


def kl_to_uniform(clusters: IntArray, n_clusters: int) -> float:
    """The Kullback-Leibler divergence of the cluster sizes from equal sizes, in nats.

    Args:
        clusters: clusters [N] below ``n_clusters``; -1 is left out.
        n_clusters: number of clusters, the empty ones included.

    Returns:
        0 (equal sizes) to log n_clusters (all images in one cluster).

    Raises:
        UsageError: a cluster outside -1..n_clusters-1, or no image in any cluster.
    """
    sizes = cluster_sizes(clusters, n_clusters)
    if sizes.sum() == 0:
        raise UsageError("clusters must hold at least one image, got none: check the assignments")
    shares = sizes[sizes > 0] / sizes.sum()
    return max(0.0, float(np.sum(shares * np.log(shares * n_clusters))))


def neighbor_accuracy(indptr: IntArray, indices: IntArray, labels: IntArray) -> float:
    """The share of neighbour pairs with equal labels.

    Args:
        indptr: where the neighbours of each image start [N + 1].
        indices: the neighbours [nnz].
        labels: classes [N]; pairs with an unknown label (-1) are left out.

    Returns:
        0..1.

    Raises:
        UsageError: ``labels`` does not fit the graph, or no pair has two known labels.
    """
    labels = _check_rows(indptr, labels)
    pairs = np.zeros(2, dtype=np.int64)
    for start, stop, sources in _row_chunks(indptr):
        pairs += _count_pairs(labels[sources], labels[indices[start:stop]])
    if pairs[1] == 0:
        raise UsageError("no two neighbours have known labels: neighbour accuracy needs labels")
    return float(pairs[0] / pairs[1])


def neighbor_statistics(
    graph: NeighborGraph, labels: IntArray | None, thresholds: Sequence[float]
) -> tuple[NeighborStatistics, ...]:
    """How many neighbours are more similar than a threshold, and how many of those are right.

    Args:
        graph: neighbours and their similarities.
        labels: classes [N], -1 for unknown; None where there are no labels.
        thresholds: similarities; a pair counts when it is above.

    Returns:
        One entry per threshold.

    Raises:
        UsageError: ``labels`` does not fit the graph.
    """
    n_images = len(graph.indptr) - 1
    known = np.full(n_images, -1) if labels is None else _check_rows(graph.indptr, labels)
    counts = np.zeros(len(thresholds), dtype=np.int64)
    pairs = np.zeros((len(thresholds), 2), dtype=np.int64)
    for start, stop, sources in _row_chunks(graph.indptr):
        similarity = graph.similarity[start:stop].astype(np.float32)
        first, second = known[sources], known[graph.indices[start:stop]]
        for row, threshold in enumerate(thresholds):
            above = similarity > threshold
            counts[row] += np.count_nonzero(above)
            pairs[row] += _count_pairs(first[above], second[above])
    return tuple(
        NeighborStatistics(float(threshold), count / max(n_images, 1), right / of if of else None)
        for threshold, count, (right, of) in zip(
            thresholds, counts.tolist(), pairs.tolist(), strict=True
        )
    )


class _Table(NamedTuple):
    """Images per class and cluster."""

    classes: IntArray
    """The classes that occur, rising, [n_classes]."""
    class_sizes: npt.NDArray[np.int64]
    """Their images, those without a cluster included, [n_classes]."""
    clusters: IntArray
    """The clusters that occur, rising, [n_clusters]."""
    counts: npt.NDArray[np.int64]
    """[n_classes, n_clusters]."""


def _count(labels: IntArray, clusters: IntArray) -> _Table:
    """Builds the table of classes by clusters."""
    labels, clusters = _check(labels, clusters)
    classes, rows, class_sizes = np.unique(labels, return_inverse=True, return_counts=True)
    assigned = clusters >= 0
    found, columns = np.unique(clusters[assigned], return_inverse=True)
    shape = (len(classes), len(found))
    cells = rows[assigned] * shape[1] + columns
    counts = np.bincount(cells, minlength=np.prod(shape)).reshape(shape)
    return _Table(classes, class_sizes, found, counts)


def _match(table: _Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows and columns of the best one-to-one map."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(table.counts, maximize=True)
    return rows, columns


def _score(function: Callable[..., float], labels: IntArray, clusters: IntArray) -> float:
    """Calls a metric of scikit-learn on the images with known labels."""
    return float(function(*_check(labels, clusters)))


def _check(labels: IntArray, clusters: IntArray) -> tuple[IntArray, IntArray]:
    """Returns labels and clusters of the images with known labels."""
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.ndim != 1 or labels.shape != clusters.shape:
        raise UsageError(
            "labels and clusters must be vectors of one length, "
            f"got shapes {labels.shape} and {clusters.shape}: give one of each per image"
        )
    check_labels("labels", labels)
    check_labels("clusters", clusters)
    known = labels >= 0
    if not known.any():
        raise UsageError("at least one label must be known, got none: metrics need true labels")
    return labels[known], clusters[known]


def _check_rows(indptr: IntArray, labels: IntArray) -> IntArray:
    """Returns the labels as an array with one entry per row of the graph."""
    labels = np.asarray(labels)
    if labels.shape != (len(indptr) - 1,):
        raise UsageError(
            f"labels must have one entry for each of {len(indptr) - 1} images in the graph, "
            f"got shape {labels.shape}: use the labels of the same image set"
        )
    check_labels("labels", labels)
    return labels


def _row_chunks(indptr: IntArray) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
    """Yields where the pairs of some rows start and stop, and the row of each pair."""
    n_rows = len(indptr) - 1
    for first in range(0, n_rows, ROWS_PER_CHUNK):
        last = min(first + ROWS_PER_CHUNK, n_rows)
        starts = np.asarray(indptr[first : last + 1])
        sources = np.repeat(np.arange(first, last), starts[1:] - starts[:-1])
        yield int(starts[0]), int(starts[-1]), sources


def _count_pairs(first: IntArray, second: IntArray) -> tuple[int, int]:
    """Counts the pairs with equal known labels, and all pairs with known labels."""
    known = (first >= 0) & (second >= 0)
    return int(np.count_nonzero(known & (first == second))), int(np.count_nonzero(known))
