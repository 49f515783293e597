"""Images that belong nowhere: farther from their neighbours than is usual in their cluster.

Shapes: N images that have a neighbour graph, Q others.
"""

from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.neighbors.search import Features, unit_vectors
from ucls.types import Labels, NeighborGraph

Scores = npt.NDArray[np.float32]

NEAREST = 10
"""The neighbour, counted from the nearest, by which an image is near others; fewer where images
have fewer. So many outliers that are all alike are a cluster."""
USUAL = (0.5, 0.9)
"""Quantiles of the scores by which the usual ones are told, whatever the largest tenth holds."""
BY_CHANCE = 0.01
"""Images that ``auto`` takes for outliers where there are none, as expected in one data set."""
SIMILARITIES_AT_ONCE = 2**25


class Outliers(NamedTuple):
    """How outliers are told."""

    scores: Scores
    """Of the images of the graph, [N]."""
    least: float
    """The score from which on an image is one; infinity if none is."""
    nearest: int
    """The neighbour that is looked at, counted from 1."""
    distances: Scores
    """Of the images to it, [N]."""
    usual: Scores
    """The median distance in each cluster, [C]."""


def find_outliers(
    graph: NeighborGraph, clusters: Labels, wanted: float | Literal["auto"], *, n_clusters: int
) -> Outliers:
    """Tells the outliers among the images of a graph.

    Args:
        graph: of the N images.
        clusters: the cluster that each would be in, int32 [N].
        wanted: which share of the images are outliers, or ``auto``.
        n_clusters: C.
    """
    distances = nearest_distances(graph)
    usual = usual_distances(distances, clusters, n_clusters)
    scores = outlier_scores(distances, clusters, usual)
    return Outliers(scores, outliers_from(scores, wanted), n_nearest(graph), distances, usual)


def nearest_distances(graph: NeighborGraph) -> Scores:
    """How far the tenth neighbour is on the unit sphere, [N]."""
    last = graph.indptr[:-1] + n_nearest(graph) - 1
    return _distance(graph.similarity[last].astype(np.float32))


def n_nearest(graph: NeighborGraph) -> int:
    """The neighbour that :func:`nearest_distances` takes, which all images have."""
    return int(min(NEAREST, graph.counts.min()))


def distances_to(features: Features, queries: Features, nearest: int) -> Scores:
    """How far some neighbour of other images is, as :func:`nearest_distances` has it.

    Args:
        features: of the images of the graph, [N, D].
        queries: [Q, D].
        nearest: which neighbour, counted from 1.

    Returns:
        float32 [Q].
    """
    images = unit_vectors(features)
    step = max(1, SIMILARITIES_AT_ONCE // len(images))
    found = np.empty(len(queries), dtype=np.float32)
    for start in range(0, len(queries), step):
        similarity = unit_vectors(queries[start : start + step]) @ images.T
        found[start : start + step] = np.partition(similarity, -nearest, axis=1)[:, -nearest]
    return _distance(found)


def usual_distances(distances: Scores, clusters: Labels, n_clusters: int) -> Scores:
    """The median distance in each cluster, [C]; in one of few images that of all.

    Args:
        distances: [N].
        clusters: of the same images, int32 [N]; -1 is none.
        n_clusters: C.
    """
    usual = np.full(n_clusters, np.median(distances), dtype=np.float32)
    numbers, sizes = np.unique(clusters[clusters >= 0], return_counts=True)
    for cluster in numbers[sizes > NEAREST]:
        usual[cluster] = np.median(distances[clusters == cluster])
    return usual


def outlier_scores(distances: Scores, clusters: Labels, usual: Scores) -> Scores:
    """How many times the usual distance of its cluster each image is from its neighbours.

    Args:
        distances: [Q].
        clusters: the cluster that each would be in, int32 [Q].
        usual: of each cluster, [C].
    """
    scores = distances / np.maximum(usual, np.finfo(np.float32).tiny)[clusters]
    return scores.astype(np.float32)


def outliers_from(scores: Scores, wanted: float | Literal["auto"]) -> float:
    """The score from which on an image is an outlier; infinity if none is.

    ``auto`` takes the logarithms for normally distributed but for a few, and names a score that
    none of N such images is expected to reach.

    Args:
        scores: [N].
        wanted: which share of the images, or ``auto``.
    """
    if wanted != "auto":
        n_outliers = round(wanted * len(scores))
        return float(np.sort(scores)[-n_outliers]) if n_outliers else float("inf")
    logs = np.log(np.maximum(scores, np.finfo(np.float32).tiny).astype(np.float64))
    half, most = np.quantile(logs, USUAL)
    normal = NormalDist()
    spread = (most - half) / (normal.inv_cdf(USUAL[1]) - normal.inv_cdf(USUAL[0]))
    if spread <= 0.0:
        return float("inf")
    return float(np.exp(half + spread * normal.inv_cdf(1.0 - BY_CHANCE / len(scores))))


def _distance(similarity: Scores) -> Scores:
    distance: Scores = np.sqrt(np.maximum(2.0 - 2.0 * similarity, 0.0))
    return distance
