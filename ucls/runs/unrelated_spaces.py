"""Feature spaces that have nothing to do with the others, by signs that see no labels.

Shapes: N images, S feature spaces.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ucls.metrics.baselines import kmeans
from ucls.preparation.signs import NEAREST, nearest_rows

RELATED_FROM = 0.03
"""Share of the neighbours in one space that clusters of another hold, beyond chance; 0.00 to 0.01
for noise, 0.07 and more for spaces that tell anything of the same images."""
WEAK_BELOW = 0.5
"""Of the same share in a space itself, against the largest; 0.22 to 0.40 for noise."""

Shares = npt.NDArray[np.float64]


def shares_held(spaces: Sequence[torch.Tensor], n_clusters: int, *, seed: int) -> Shares:
    """How many of the nearest neighbours in one space the k-means clusters of another hold.

    Args:
        spaces: prepared features of each, float32 [N, D_s], rows of length 1.
        n_clusters: C, at most N / 10.
        seed: of k-means.

    Returns:
        [S, S]: clusters of the space of the row, neighbours in that of the column; 0 is what chance
        gives, 1 all.
    """
    nearest = [nearest_rows(space).numpy() for space in spaces]
    n_fitting = max(2, min(n_clusters, len(spaces[0]) // NEAREST))
    shares = np.zeros((len(spaces), len(spaces)))
    for row, space in zip(shares, spaces, strict=True):
        found = kmeans({"train": space.numpy()}, n_clusters=n_fitting, restarts=1, seed=seed)
        labels = found["train"]
        by_chance = np.square(np.bincount(labels) / len(labels)).sum()
        held = [float(np.mean(labels[:, None] == labels[rows])) for rows in nearest]
        row[:] = (np.array(held) - by_chance) / max(1.0 - by_chance, 1e-9)
    return shares


def unrelated_spaces(shares: Shares) -> list[int]:
    """The spaces that share no clusters with any other, and have only weak ones themselves.

    Spaces may tell different things of the same images, as colours and shapes do; these stay.

    Args:
        shares: of :func:`shares_held`.
    """
    own = np.diag(shares)
    others = np.maximum(shares, shares.T)
    np.fill_diagonal(others, -np.inf)
    is_stray = (others.max(axis=1) < RELATED_FROM) & (own < WEAK_BELOW * own.max())
    return np.flatnonzero(is_stray).tolist()
