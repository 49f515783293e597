"""Groups of images that belong together, each put into a cluster.

Shapes: G groups, C clusters.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.constraints.groups import Constraints
from ucls.types import Labels


class Placed(NamedTuple):
    """Where groups went."""

    clusters: Labels
    """int32 [G]."""
    n_unmet: int
    """Pairs of groups that belong apart and are in one cluster all the same."""


def place(constraints: Constraints, evidence: npt.NDArray[np.floating]) -> Placed:
    """Puts each group into a cluster, and into different ones where they belong apart.

    Labels go first, each into a cluster of its own, so that together they have the most evidence;
    then the other groups, the surest first, each into the best cluster that no group has from which
    it belongs apart. Where all clusters have one, the best is taken.

    Args:
        constraints: with at most C labels.
        evidence: how much speaks for each cluster, [G, C], at least 0.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array

    n_groups, n_labels = len(evidence), constraints.n_labels
    clusters = np.full(n_groups, -1, dtype=np.int32)
    labels, own = linear_sum_assignment(evidence[:n_labels], maximize=True)
    clusters[labels] = own
    first, second = constraints.apart.T
    ones = np.ones(len(first), np.int8)
    one_way = coo_array((ones, (first, second)), (n_groups, n_groups)).tocsr()
    apart = (one_way + one_way.T).tocsr()
    best = np.partition(evidence, -2, axis=1)[:, -2:]
    for group in np.argsort(best[:, 0] - best[:, 1], kind="stable").tolist():
        if group < n_labels:
            continue
        partners = apart.indices[apart.indptr[group] : apart.indptr[group + 1]]
        taken = clusters[partners]
        left = evidence[group].copy()
        left[taken[taken >= 0]] = -1.0
        clusters[group] = (left if left.max() >= 0 else evidence[group]).argmax()
    return Placed(clusters, int((clusters[first] == clusters[second]).sum()))


def place_where_most_are(
    constraints: Constraints,
    clusters: Labels,
    *,
    n_clusters: int,
    weights: npt.NDArray[np.floating] | None = None,
) -> Labels:
    """The cluster of each group, int32 [G]: the one of most of its images, as :func:`place` can.

    Args:
        constraints: of N images, with at most C labels.
        clusters: of the images, int32 [N]; -1 is none.
        n_clusters: C.
        weights: how much each image counts, [N]; None for all alike.
    """
    rows = np.flatnonzero((constraints.group_of >= 0) & (clusters >= 0))
    evidence = np.zeros((constraints.n_groups, n_clusters))
    cells = (constraints.group_of[rows], clusters[rows])
    np.add.at(evidence, cells, 1.0 if weights is None else weights[rows])
    return place(constraints, evidence).clusters
