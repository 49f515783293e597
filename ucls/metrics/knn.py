"""Classes by the votes of the most similar labelled images.

Shapes: N labelled images, M images to classify, D features, C classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.neighbors.search import unit_vectors
from ucls.settings.probe import TEMPERATURE
from ucls.types import Labels

CHUNK = 4096

Features = npt.NDArray[np.float32]
Weights = npt.NDArray[np.floating]


class KnnVotes(NamedTuple):
    """The class that the neighbours of each image vote for, two ways."""

    weighted: Labels
    """By exp(cosine / temperature), as Wu et al. (2018) and DINO, int [M]."""
    majority: Labels
    """Each vote alike; on a tie the lower class, int [M]."""


def knn_votes(
    train: Features, train_labels: Labels, images: Features, *, ks: Sequence[int]
) -> dict[int, KnnVotes]:
    """Classifies images by their k most similar training images, for several k.

    Weighted votes are those of section 3.4 of Wu et al. 2018, "Unsupervised feature learning via
    non-parametric instance discrimination".

    Args:
        train: [N, D], any scale; similarity is the cosine.
        train_labels: [N], in 0..C-1.
        images: [M, D].
        ks: each at least 1; more than N is N.

    Returns:
        The votes by k.
    """
    from sklearn.neighbors import NearestNeighbors

    # On the unit sphere, Euclidean neighbours are cosine neighbours.
    model = NearestNeighbors(n_neighbors=min(max(ks), len(train)), algorithm="brute")
    model.fit(unit_vectors(train))
    queries = unit_vectors(images)
    parts = []
    for start in range(0, len(queries), CHUNK):
        distance, rows = model.kneighbors(queries[start : start + CHUNK])
        # The cosine is 1 - distance^2 / 2; shares of votes do not change with what all lack.
        lacking = (distance**2 - distance[:, :1] ** 2) / 2
        parts.append(_count(train_labels[rows], np.exp(-lacking / TEMPERATURE), ks))
    return {
        k: KnnVotes(*map(np.concatenate, zip(*(part[k] for part in parts), strict=True)))
        for k in ks
    }


def _count(
    votes: Labels, weights: npt.NDArray[np.floating], ks: Sequence[int]
) -> dict[int, KnnVotes]:
    """The winners among the first k of the votes [n, k']."""
    n_images, n_classes = len(votes), int(votes.max()) + 1
    cells = votes + n_classes * np.arange(n_images)[:, None]

    def winners(k: int, weights: Weights | None) -> Labels:
        counted = None if weights is None else weights[:, :k].ravel()
        totals = np.bincount(cells[:, :k].ravel(), counted, minlength=n_images * n_classes)
        best: Labels = totals.reshape(n_images, n_classes).argmax(axis=1).astype(np.int32)
        return best

    return {k: KnnVotes(winners(k, weights), winners(k, None)) for k in ks}
