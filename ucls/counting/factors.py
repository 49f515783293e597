"""Whether clusters are those of two independent factors crossed, such as shapes times colours.

Shapes: N images, D features, C clusters.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from ucls.types import Labels

MOST_LEFT = 0.1
"""Share of what the means differ by apart from one factor, that another one may leave."""

Means = npt.NDArray[np.float64]


class Factor(NamedTuple):
    """One of the factors that clusters are crossed of."""

    size: int
    """How many values it has."""
    others: Labels
    """What each cluster has of the other factors, int32 [C]."""


def find_factor(features: npt.NDArray[np.floating], clusters: Labels) -> Factor | None:
    """One of the factors that clusters are crossed of; None if they are of none.

    The means of crossed clusters fall into groups, of one value each, and once what tells these
    groups apart is left out, into others that have one cluster in common with each of them.

    Args:
        features: prepared, [N, D].
        clusters: int32 [N], each of 0..C - 1 with an image.
    """
    sizes = np.bincount(clusters)
    sums = np.zeros((len(sizes), features.shape[1]))
    np.add.at(sums, clusters, features.astype(np.float64))
    means = sums / sizes[:, None]
    means -= means.mean(axis=0)
    n_clusters = len(means)
    sizes_of_factors = (k for k in range(2, n_clusters // 2 + 1) if n_clusters % k == 0)
    found = (_crossed(means, size) for size in sizes_of_factors)
    return next((factor for factor in found if factor is not None), None)


def _crossed(means: Means, size: int) -> Factor | None:
    """The factor of some size that is crossed with others, if there is one."""
    groups = _grouped(means, size)
    directions = np.linalg.svd(_means_of(means, groups), full_matrices=False)[2][: size - 1]
    rest = means - means @ directions.T @ directions
    others = _grouped(rest, len(means) // size)
    n_pairs = np.unique(np.stack([groups, others]), axis=1).shape[1]
    if not n_pairs == len(means) == size * len(np.unique(others)):
        return None
    within = np.square(rest - _means_of(rest, others)[others]).sum()
    is_crossed = within <= MOST_LEFT * np.square(rest).sum()
    return Factor(size, others.astype(np.int32)) if is_crossed else None


def _grouped(means: Means, size: int) -> npt.NDArray[Any]:
    """The group of each mean by Ward's method, 0..size - 1."""
    return np.asarray(fcluster(linkage(means, "ward"), size, "maxclust") - 1)


def _means_of(means: Means, groups: npt.NDArray[Any]) -> Means:
    return np.stack([means[groups == group].mean(axis=0) for group in np.unique(groups)])
