"""Images to look at before anything is made of them: misfits, near-duplicates, unreadable files."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.report.state import RunState
from ucls.runs.features import skipped_images
from ucls.types import NeighborGraph

NEAREST = 5
"""Neighbours by which an image is far from all others."""
DUPLICATE_ABOVE = 0.98
"""Cosine similarity of near-duplicates."""
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
    unreadable: list[tuple[str, str]]
    """Path and reason."""
    n_unreadable: int


def cleaning_list(state: RunState) -> CleaningList:
    """Looks for all three; rows count from 0 over the training images."""
    misfits = find_misfits(state.graph)
    pairs = find_duplicates(state.graph)
    unreadable = [(path, reason) for path, _, reason in skipped_images(state.run.caches)]
    return CleaningList(
        misfits=misfits[:MOST].tolist(),
        n_misfits=len(misfits),
        duplicates=[(int(i), int(j), float(s)) for i, j, s in zip(*pairs, strict=True)][:MOST],
        n_duplicates=len(pairs[0]),
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
    graph: NeighborGraph,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Pairs above the bound, each once: two rows and their similarity, the most similar first."""
    rows = np.repeat(np.arange(graph.n_images), graph.counts)
    above = np.flatnonzero(graph.similarity > np.float16(DUPLICATE_ABOVE))
    first, second = rows[above], graph.indices[above].astype(np.int64)
    pairs = np.stack([np.minimum(first, second), np.maximum(first, second)])
    unique, places = np.unique(pairs[0] * graph.n_images + pairs[1], return_index=True)
    similarity = graph.similarity[above[places]].astype(np.float32)
    order = np.argsort(-similarity, kind="stable")
    return unique[order] // graph.n_images, unique[order] % graph.n_images, similarity[order]
