"""Whether more heads still change the consensus."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ucls.ensemble import consensus
from ucls.ensemble.mutual_information import normalized_mutual_information
from ucls.errors import UclsError
from ucls.merging import merge_heads
from ucls.runs.heads import merge_labels
from ucls.settings.config import Config, required
from ucls.types import Labels, Linkage, NeighborGraph

SETTLED = 0.985
"""NMI of the consensus with the one before the last heads came, or with the first heads
themselves, from which on it is settled."""

FEWEST = 3
"""First heads that can agree by more than chance."""


class Settling:
    """The consensus of all heads so far, without labels; merged as the settings say.

    Args:
        graph: of the N images.
        config: all fields set, as :func:`ucls.settings.fitting.autoconfigure` leaves them.
    """

    def __init__(self, graph: NeighborGraph, config: Config) -> None:
        self.n_clusters, self.seed = required(config.n_clusters), config.seed
        self.linkage: Linkage | Literal["auto", "none"] = required(config.merge.linkage)
        self.graph = graph
        self.heads: list[Labels] = []
        self.before: Labels | None = None

    def settles(self, labels: Labels, head_clusters: Sequence[int]) -> bool:
        """Whether the consensus stays as it was now that these heads, int32 [R, N], are there."""
        try:
            self.heads.append(self._merged(labels, head_clusters))
            found = consensus(np.concatenate(self.heads), self.n_clusters, seed=self.seed)
        except UclsError:  # as where no head can vote
            return False
        before, self.before = self.before, found.labels
        if not np.ptp(found.labels):  # as where all heads have collapsed
            return False
        if before is None:
            return len(self.heads[0]) >= FEWEST and found.anmi >= SETTLED
        return normalized_mutual_information(before, found.labels) >= SETTLED

    def _merged(self, labels: Labels, head_clusters: Sequence[int]) -> Labels:
        """The heads that can vote: merged to the clusters wanted, or with as many."""
        if self.linkage == "none":
            own: Labels = labels[np.array(head_clusters) == self.n_clusters]
            return own
        merged = merge_heads(
            labels, self.graph, self.n_clusters, head_clusters=head_clusters, linkage=self.linkage
        )
        # The first heads choose for all, so that later ones are merged alike.
        self.linkage = merged.linkage
        return merge_labels(labels, [head.cut(self.n_clusters) for head in merged.heads])
