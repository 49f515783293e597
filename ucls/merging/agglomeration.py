"""Merging the two most closely linked clusters, again and again: a merge tree.

Shapes: M clusters that hold images.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from ucls.merging.links import ClusterLinks, Matrix
from ucls.types import Labels

Closeness = Literal["average", "share"]
Vector = npt.NDArray[np.float64]


def agglomerate(
    clusters: ClusterLinks, *, closeness: Closeness = "average", groups: Labels | None = None
) -> Matrix:
    """Merges clusters until one is left.

    Args:
        clusters: none of them empty, all of them linked, see
            :meth:`ucls.merging.links.ClusterLinks.occupied`.
        closeness: which two are merged: with the most links over the product of their sizes
            (``average``, the group average of the links between their images), or over the links
            of the one that has fewer (``share``).
        groups: [M]; clusters of one group are merged before any of different groups. None: all
            are of one.

    Returns:
        The tree in SciPy's format, float64 [M - 1, 4]: the two that are merged (M + i is what merge
        i made), their distance, and the clusters in the result. The distance never falls: it is 1
        over the closeness, in units of the closeness of the whole.
    """
    state = _Agglomeration(clusters, closeness, groups)
    tree = np.zeros((max(len(clusters.sizes) - 1, 0), 4))
    for step in range(len(tree)):
        tree[step] = state.merge_closest()
    tree[:, 2] = np.maximum.accumulate(tree[:, 2])
    return tree


class _Agglomeration:
    """The clusters that are left, with the closest partner of each."""

    def __init__(self, clusters: ClusterLinks, closeness: Closeness, groups: Labels | None) -> None:
        n_leaves = len(clusters.sizes)
        self.links = clusters.links.copy()
        sizes = clusters.sizes.astype(np.float64)
        self.mass = sizes if closeness == "average" else self.links.sum(axis=1)
        self.is_average = closeness == "average"
        self.groups = np.zeros(n_leaves, dtype=np.int32) if groups is None else groups.copy()
        self.is_left = np.ones(n_leaves, dtype=bool)
        self.node = np.arange(n_leaves)
        self.count = np.ones(n_leaves)
        whole = self.links.sum()
        self.unit = whole / sizes.sum() ** 2 if self.is_average else 1.0
        self.partner = np.zeros(n_leaves, dtype=np.int64)
        self.closeness = np.full(n_leaves, -np.inf)
        for row in range(n_leaves):
            self._find_partner(row)

    def merge_closest(self) -> tuple[float, float, float, float]:
        """Merges two; returns a row of the tree."""
        kept = int(self.closeness.argmax())
        gone, closeness = int(self.partner[kept]), self.closeness[kept]
        if not np.isfinite(closeness):
            # All groups are merged as far as they go.
            self.groups[:] = 0
            for row in np.flatnonzero(self.is_left).tolist():
                self._find_partner(row)
            return self.merge_closest()
        first, second = sorted((int(self.node[kept]), int(self.node[gone])))
        self._join(kept, gone)
        self.node[kept] = len(self.node) + self._n_merged() - 1
        return (first, second, float(self.unit / closeness), float(self.count[kept]))

    def _n_merged(self) -> int:
        return int(len(self.is_left) - self.is_left.sum())

    def _join(self, kept: int, gone: int) -> None:
        self.links[kept] += self.links[gone]
        self.links[:, kept] += self.links[:, gone]
        self.mass[kept] += self.mass[gone]
        self.count[kept] += self.count[gone]
        self.is_left[gone] = False
        self.closeness[gone] = -np.inf
        for row in np.flatnonzero(self.is_left & np.isin(self.partner, (kept, gone))).tolist():
            self._find_partner(row)
        # Where it is now the closest of another, it knows so itself.
        self._find_partner(kept)

    def _find_partner(self, row: int) -> None:
        """Finds the closest of a cluster."""
        if self.is_average:
            scale = self.mass[row] * self.mass
        else:
            scale = np.minimum(self.mass[row], self.mass)
        closeness: Vector = self.links[row] / scale
        closeness[~self.is_left | (self.groups != self.groups[row])] = -np.inf
        closeness[row] = -np.inf
        self.partner[row] = closeness.argmax()
        self.closeness[row] = closeness[self.partner[row]]
