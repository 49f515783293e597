"""Voting: heads aligned to the most central head."""

import numpy as np

from ucls.ensemble.alignment import align, majority
from ucls.ensemble.head_weights import HeadWeights, as_votes
from ucls.ensemble.label_matrix import count_clusters
from ucls.ensemble.method import Method
from ucls.ensemble.mutual_information import centrality
from ucls.ensemble.steps import n_pairs
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels


def vote(
    labels: Labels,
    n_clusters: int,
    *,
    weights: HeadWeights = None,
    advance: Advance = ignore_progress,
) -> Labels:
    """Aligns all heads to the most central one by the Hungarian method and takes the majority.

    The most central head has the highest mean NMI to the others, among the heads with at most
    ``n_clusters`` clusters. Ties between labels go to its label, then to the lowest. With the
    weights ``agreement`` heads first vote as equals; what each has in common with that result is
    its weight in a second vote.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; -1 is missing.
        n_clusters: number of clusters of the consensus.
        weights: how much each head counts.
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
            f"{sizes.min()}: raise n_clusters, or use method mcla or hbgf"
        )
    means = centrality(labels, advance=advance)
    central = labels[np.where(sizes <= n_clusters, means, -1.0).argmax()]
    aligned = align(labels, central, n_clusters)
    clustering = central
    if isinstance(weights, str):
        clustering = majority(aligned, central, n_clusters)
    votes = as_votes(weights, aligned, clustering)
    return majority(aligned, clustering, n_clusters, votes=votes)


VOTE = Method(
    name="vote",
    help="aligns all heads to the most central one and counts",
    run=vote,
    n_steps=n_pairs,
    needs=("weights", "advance"),
)
