"""Merging the two most closely linked clusters, again and again: a merge tree.

Shapes: M clusters that hold images.
"""

import numpy as np
import numpy.typing as npt

from ucls.merging.links import ClusterLinks, Matrix
from ucls.types import Labels

Vector = npt.NDArray[np.float64]


def agglomerate(clusters: ClusterLinks, *, groups: Labels | None = None) -> Matrix:
    """Merges the two clusters that are linked most closely, until one is left.

    That is by the group average of the links between their images: the links over the product of
    the sizes.

    Args:
        clusters: none of them empty, all of them linked, see
            :meth:`ucls.merging.links.ClusterLinks.occupied`.
        groups: [M]; clusters of one group are merged before any of different groups. None: all
            are of one.

    Returns:
        The tree in SciPy's format, float64 [M - 1, 4]: the two that are merged (M + i is what merge
        i made), their distance, and the clusters in the result. The distance never falls: it is 1
        over the closeness, in units of the closeness of the whole.
    """
    state = _Agglomeration(clusters, groups)
    tree = np.zeros((max(len(clusters.sizes) - 1, 0), 4))
    for step in range(len(tree)):
        tree[step] = state.merge_closest()
    tree[:, 2] = np.maximum.accumulate(tree[:, 2])
    return tree


class _Agglomeration:
    """The clusters that are left, with the closest partner of each."""

    def __init__(self, clusters: ClusterLinks, groups: Labels | None) -> None:
        n_leaves = len(clusters.sizes)
        self.links = clusters.links.copy()
        self.sizes = clusters.sizes.astype(np.float64)
        self.groups = np.zeros(n_leaves, dtype=np.int32) if groups is None else groups.copy()
        self.is_left = np.ones(n_leaves, dtype=bool)
        self.node = np.arange(n_leaves)
        self.count = np.ones(n_leaves)
        self.unit = self.links.sum() / self.sizes.sum() ** 2
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
        self.sizes[kept] += self.sizes[gone]
        self.count[kept] += self.count[gone]
        self.is_left[gone] = False
        self.closeness[gone] = -np.inf
        for row in np.flatnonzero(self.is_left & np.isin(self.partner, (kept, gone))).tolist():
            self._find_partner(row)
        # Where it is now the closest of another, it knows so itself.
        self._find_partner(kept)

    def _find_partner(self, row: int) -> None:
        """Finds the closest of a cluster."""
        closeness: Vector = self.links[row] / (self.sizes[row] * self.sizes)
        closeness[~self.is_left | (self.groups != self.groups[row])] = -np.inf
        closeness[row] = -np.inf
        self.partner[row] = closeness.argmax()
        self.closeness[row] = closeness[self.partner[row]]
