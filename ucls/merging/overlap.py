"""Whether clusters overlap so much that over-clustered heads are the wrong ones."""

from collections.abc import Sequence

import numpy as np

from ucls.ensemble.label_matrix import compact
from ucls.ensemble.mutual_information import centrality
from ucls.merging.merge import HEADS_TO_CHOOSE_BY, merge_heads
from ucls.types import Labels, NeighborGraph, renumber

AGREE_FROM = 0.75
"""Mean NMI of merged heads with one another. It was 0.69 on CIFAR-10, where heads that are not
over-clustered agree more (0.76) and are better, and 0.82 to 0.92 on five other sets, where they
agree less than merged ones and are worse or as good."""
FEWEST = 3
"""Heads whose agreement tells anything."""


def heads_disagree(
    labels: Labels, graph: NeighborGraph, n_clusters: int, *, head_clusters: Sequence[int]
) -> bool:
    """Whether heads of clusters that look equal in size agree little once these are merged.

    Then classes overlap, and where small clusters of one head end says little of where those of
    another do. Unequal classes need over-clustered heads all the same, and so do those of which
    another number is wanted than there are.

    Args:
        labels: int32 [H, N]; -1 is missing.
        graph: of the N images.
        n_clusters: C, wanted.
        head_clusters: C' of each head.
    """
    labels, head_clusters = labels[:HEADS_TO_CHOOSE_BY], head_clusters[:HEADS_TO_CHOOSE_BY]
    if len(labels) < FEWEST or min(head_clusters) <= n_clusters:
        return False
    merged = merge_heads(labels, graph, n_clusters, head_clusters=head_clusters)
    if merged.linkage != "spectral" or merged.clearest is not None:
        return False
    pairs = zip(labels, merged.heads, strict=True)
    own = np.stack([compact(renumber(head, tree.cut(n_clusters))) for head, tree in pairs])
    return float(centrality(own).mean()) < AGREE_FROM
