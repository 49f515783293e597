"""Whether clusters are those of two independent factors crossed, such as shapes times colours.

Shapes: N images, D features, C clusters.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from ucls.types import Labels

MOST_LEFT = 0.1
"""Share of what the means differ by apart from one factor, that another one may leave."""

Means = npt.NDArray[np.float64]


def size_of_factor(features: npt.NDArray[np.floating], clusters: Labels) -> int | None:
    """The number of values of one of the factors that clusters are crossed of; None if of none.

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
    return next((k for k in sizes_of_factors if _is_crossed(means, k)), None)


def _is_crossed(means: Means, size: int) -> bool:
    """Whether the clusters are those of a factor of some size, crossed with another."""
    groups = _grouped(means, size)
    directions = np.linalg.svd(_means_of(means, groups), full_matrices=False)[2][: size - 1]
    rest = means - means @ directions.T @ directions
    other = _grouped(rest, len(means) // size)
    pairs = np.unique(np.stack([groups, other]), axis=1).shape[1]
    within = np.square(rest - _means_of(rest, other)[other]).sum()
    return pairs == len(means) == size * len(np.unique(other)) and bool(
        within <= MOST_LEFT * np.square(rest).sum()
    )


def _grouped(means: Means, size: int) -> npt.NDArray[Any]:
    """The group of each mean by Ward's method, 0..size - 1."""
    return np.asarray(fcluster(linkage(means, "ward"), size, "maxclust") - 1)


def _means_of(means: Means, groups: npt.NDArray[Any]) -> Means:
    return np.stack([means[groups == group].mean(axis=0) for group in np.unique(groups)])
