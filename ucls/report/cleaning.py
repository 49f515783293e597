"""Images to look at before anything is made of them: misfits, near-duplicates, unreadable files."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.neighbors.duplicates import duplicate_threshold, near_pairs
from ucls.report.state import RunState
from ucls.runs.features import skipped_images
from ucls.runs.preparation import read_preparation
from ucls.tables import AnyFeatures
from ucls.types import NeighborGraph

NEAREST = 5
"""Neighbours by which an image is far from all others."""
MOST = 40
"""Listed of a kind; all are counted."""


class CleaningList(NamedTuple):
    """What was found in the training images."""

    misfits: list[int]
    """Rows, the one farthest from all others first."""
    n_misfits: int
    duplicates: list[tuple[int, int, float]]
    """Two rows and their cosine similarity, the most similar first."""
    n_duplicates: int
    """Pairs."""
    duplicates_from: float
    """The similarity of near-duplicates."""
    unreadable: list[tuple[str, str]]
    """Path and reason."""
    n_unreadable: int


def cleaning_list(state: RunState) -> CleaningList:
    """Looks for all three; rows count from 0 over the training images."""
    misfits = find_misfits(state.graph)
    run = state.run
    with run.features("train") as cache:
        features = read_preparation(run).of_array(cache.table(run.feature_set))
        threshold = duplicate_threshold(features, state.graph, seed=run.config.seed)
        pairs = find_duplicates(features, state.graph, threshold)
    unreadable = [(path, reason) for path, _, reason in skipped_images(run.caches)]
    return CleaningList(
        misfits=misfits[:MOST].tolist(),
        n_misfits=len(misfits),
        duplicates=[(int(i), int(j), float(s)) for i, j, s in zip(*pairs, strict=True)][:MOST],
        n_duplicates=len(pairs[0]),
        duplicates_from=threshold,
        unreadable=unreadable[:MOST],
        n_unreadable=len(unreadable),
    )


def find_misfits(graph: NeighborGraph) -> NDArray[np.int64]:
    """Images that are unusually far from their nearest neighbours, the farthest first.

    Unusual is what lies below the first quartile by more than three times the distance between
    the quartiles (Tukey's outer fence), of the mean cosine to the five nearest.
    """
    counts = np.minimum(graph.counts, NEAREST)
    rank = np.arange(len(graph.indices)) - np.repeat(graph.indptr[:-1], graph.counts)
    nearest = rank < NEAREST
    rows = np.repeat(np.arange(graph.n_images), graph.counts)[nearest]
    sums = np.bincount(rows, graph.similarity[nearest].astype(np.float64), minlength=graph.n_images)
    means = sums / np.maximum(counts, 1)
    lower, upper = np.quantile(means, [0.25, 0.75])
    found = np.flatnonzero(means < lower - 3.0 * (upper - lower))
    return found[np.argsort(means[found], kind="stable")]


def find_duplicates(
    features: AnyFeatures, graph: NeighborGraph, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Pairs that reach a similarity, each once: two rows and it, the most similar first.

    Args:
        features: prepared as for the graph, [N, D].
        graph: of them.
        threshold: cosine similarity.
    """
    first, second, similarity = near_pairs(features, graph, threshold)
    low, high = np.minimum(first, second), np.maximum(first, second)
    unique, places = np.unique(low * graph.n_images + high, return_index=True)
    order = np.argsort(-similarity[places], kind="stable")
    rows = unique[order]
    return rows // graph.n_images, rows % graph.n_images, similarity[places][order]
