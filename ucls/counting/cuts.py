"""Micro-clusters merged to different numbers of clusters.

Shapes: N images, D features, R clusterings.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ucls.counting.coding_length import coding_length
from ucls.ensemble import consensus
from ucls.merging.links import Edges
from ucls.merging.together import merge_together
from ucls.types import Labels, renumber

CUT = 4
"""Clusterings that are merged; more hardly change what their clusters code."""


class Cuts:
    """The micro-clusters merged to different numbers, and how short each codes the features."""

    def __init__(
        self,
        labels: Labels,
        edges: Edges,
        directions: npt.NDArray[np.float64],
    ) -> None:
        """Takes what is merged, and what is coded.

        Args:
            labels: the micro-clusters, int32 [R, N].
            edges: of the neighbour graph.
            directions: float64 [N, D].
        """
        self.labels, self.edges, self.directions = labels, edges, directions
        self.lengths: dict[int, float] = {}

    def look_at(self, numbers: Iterable[int]) -> dict[int, float]:
        """Coding lengths of all numbers that were looked at so far."""
        for n_clusters in sorted(set(numbers) - set(self.lengths)):
            self.lengths[n_clusters] = coding_length(self.directions, self.merged(n_clusters))
        return self.lengths

    def merged(self, n_clusters: int) -> Labels:
        """The clusters, int32 [N]."""
        sizes = (self.labels.max(axis=1) + 1).tolist()
        merged = merge_together(
            self.labels, n_clusters, head_clusters=sizes, edges=self.edges
        ).heads
        by_clustering = [
            renumber(own, head.cut(n_clusters))
            for own, head in zip(self.labels, merged, strict=True)
        ]
        return consensus(np.stack(by_clustering), n_clusters, numbered_alike=True).labels
