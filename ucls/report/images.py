"""Which images a page shows, and what it knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ucls.report.cleaning import CleaningList
from ucls.report.sample import sample_rows
from ucls.report.state import RunState
from ucls.types import Figures

ON_MAP = 1_000
"""Images of the map."""
BY_CLUSTER = 3_000
"""Images beside these: the most typical and the least sure ones of all clusters together."""
PER_CLUSTER = 12
"""Of either kind, where there is room."""
MOST_KNOWN = 20_000
"""Images up to which a page knows them all, if without a picture."""
NEAREST = 6
"""Neighbours told of each image, among those that are shown."""

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PageImages:
    """Rows of ``labels.csv``, rising.

    Attributes:
        known: all that the page knows.
        shown: those of them with a picture.
        on_map: those of these on the map.
    """

    known: Rows
    shown: Rows
    on_map: Rows

    def places(self, rows: Sequence[int] | Rows) -> list[int]:
        """Where some rows lie among those that are known."""
        places: list[int] = np.searchsorted(self.known, rows).tolist()
        return places

    def as_columns(self, state: RunState) -> Figures:
        """What the page knows of them, as columns."""
        labels, rows = state.labels, self.known
        chosen = rows.tolist()
        leaves = np.full(len(labels), -1) if state.leaves is None else state.leaves.of_images
        return {
            "row": chosen,
            "path": [labels.paths[row] for row in chosen],
            "split": [state.run.splits.index(labels.splits[row]) for row in chosen],
            "found": labels.found[rows].tolist(),
            "leaf": leaves[rows].tolist(),
            "confidence": np.round(labels.confidence[rows].astype(float), 3).tolist(),
            "probability": np.round(labels.probability[rows].astype(float), 3).tolist(),
        }


def choose_images(
    state: RunState, cleaning: CleaningList, most_known: int = MOST_KNOWN
) -> PageImages:
    """Takes a sample of all clusters, the most typical and least sure of each, and what is odd."""
    labels = state.labels
    on_map = sample_rows(labels.clusters, ON_MAP, seed=state.run.config.seed)
    pairs = [row for first, second, _ in cleaning.duplicates for row in (first, second)]
    odd = np.array([*cleaning.misfits, *pairs], np.int64)
    shown = np.unique(np.concatenate([on_map, _extremes(state), odd]))
    # What was moved by hand has to be known, for its cluster to be right.
    few = np.union1d(shown, state.by_hand)
    known = np.arange(len(labels)) if len(labels) <= most_known else few
    return PageImages(known, shown, on_map)


def _extremes(state: RunState) -> Rows:
    """The most typical and the least sure images of each cluster."""
    places, labels = state.places, state.labels
    each = min(PER_CLUSTER, max(1, BY_CLUSTER // (2 * max(len(state.numbers), 1))))
    order = np.lexsort((labels.probability, labels.confidence, places))
    sizes = np.bincount(places[places >= 0], minlength=len(state.numbers))
    order = order[len(order) - int(sizes.sum()) :]  # without those in no cluster, which come first
    ends = np.cumsum(sizes)
    rank = np.arange(len(order)) - np.repeat(ends - sizes, sizes)
    left = np.repeat(sizes, sizes) - rank
    chosen: Rows = order[(rank < each) | (left <= each)]
    return chosen


def count_cells(state: RunState) -> list[list[int]]:
    """Images by found cluster and leaf: ``[cluster, leaf, images]`` of each that occurs."""
    found = state.labels.found
    leaves = np.full(len(found), -1) if state.leaves is None else state.leaves.of_images
    cells, counts = np.unique(np.stack([found, leaves]), axis=1, return_counts=True)
    rows: list[list[int]] = np.column_stack([cells.T, counts]).tolist()
    return rows


def nearest_shown(features: NDArray[np.float32]) -> list[list[int]]:
    """The most similar other images by cosine, the nearest first.

    Args:
        features: of the n images that are shown, [n, D].
    """
    from ucls.neighbors.search import unit_vectors

    n_nearest = min(NEAREST, len(features) - 1)
    if n_nearest < 1:
        return [[] for _ in features]
    unit = unit_vectors(features - features.mean(axis=0))
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argpartition(-similarity, n_nearest - 1, axis=1)[:, :n_nearest]
    order = np.argsort(-np.take_along_axis(similarity, nearest, axis=1), axis=1, kind="stable")
    found: list[list[int]] = np.take_along_axis(nearest, order, axis=1).tolist()
    return found
