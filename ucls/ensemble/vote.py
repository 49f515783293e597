"""Voting: heads aligned to the most central head."""

import numpy as np

from ucls.ensemble.alignment import align, majority
from ucls.ensemble.label_matrix import Labels, count_clusters
from ucls.ensemble.mutual_information import centrality
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress


def vote(labels: Labels, n_clusters: int, *, advance: Advance = ignore_progress) -> Labels:
    """Aligns all heads to the most central one by the Hungarian method and takes the majority.

    The most central head has the highest mean NMI to the others, among the heads with at most
    ``n_clusters`` clusters. Ties between labels go to its label, then to the lowest.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; -1 is missing.
        n_clusters: number of clusters of the consensus.
        advance: told of each pair of heads.

    Returns:
        int32 [N] in 0..n_clusters-1; -1 for images that all heads miss.

    Raises:
        UsageError: every head has more than ``n_clusters`` clusters.
    """
    sizes = np.array([count_clusters(head) for head in labels])
    if sizes.min() > n_clusters:
        raise UsageError(
            f"vote needs a head with at most n_clusters={n_clusters} clusters, the smallest has "
            f"{sizes.min()}: raise n_clusters or use method='mcla'"
        )
    means = centrality(labels, advance=advance)
    central = labels[np.where(sizes <= n_clusters, means, -1.0).argmax()]
    return majority(align(labels, central, n_clusters), central, n_clusters)
