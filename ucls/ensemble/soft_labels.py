"""How the votes of the heads spread over the clusters of a consensus."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ucls.ensemble.alignment import align, count_votes
from ucls.ensemble.arguments import check_clustering, check_weights, weights_of
from ucls.ensemble.head_weights import as_votes
from ucls.ensemble.label_matrix import check_label_matrix
from ucls.ensemble.preparation import prepare

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def soft_labels(
    labels: npt.ArrayLike,
    clustering: npt.ArrayLike,
    n_clusters: int,
    *,
    weights: str | npt.ArrayLike = "equal",
) -> "csr_array":
    """The share of the votes that each image has for each cluster.

    Heads are aligned to the clustering by the Hungarian method; those that say nothing are left
    out, as in :func:`ucls.ensemble.consensus`. At the clustering's own labels the shares are the
    confidence of the consensus.

    Args:
        labels: integers [H, N], one head per row; -1 is missing.
        clustering: labels of the consensus, integers [N] in -1..n_clusters-1.
        n_clusters: C, clusters of the consensus, the empty ones included.
        weights: how much each head counts: ``equal``, ``agreement``, or a positive number for each
            head, [H].

    Returns:
        float32 [N, C], sparse; rows add up to 1, or are empty where all heads miss.

    Raises:
        UsageError: a wrong argument, or a clustering that does not fit the labels.

    Example:
        >>> from ucls.ensemble import soft_labels
        >>> heads = [[0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0]]
        >>> soft_labels(heads, clustering=[0, 0, 1, 1], n_clusters=2).toarray().round(2)
        array([[1.  , 0.  ],
               [0.67, 0.33],
               [0.  , 1.  ],
               [0.  , 1.  ]], dtype=float32)
    """
    from scipy.sparse import csr_array, vstack

    matrix = check_label_matrix(labels)
    reference = check_clustering(clustering, matrix.shape[1], n_clusters)
    weighting = check_weights(weights, len(matrix))
    prepared = prepare(matrix)
    reference = reference[prepared.is_labelled]
    aligned = align(prepared.labels, reference, n_clusters)
    votes = as_votes(weights_of(weighting, prepared.heads), aligned, reference)
    parts = []
    for _, counts in count_votes(aligned, n_clusters, votes=votes):
        cast = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        parts.append(csr_array((counts[:, 1:] / cast).astype(np.float32)))
    shares = vstack(parts, format="csr")
    row_sizes = prepared.restore(np.diff(shares.indptr), missing=0)
    ends = np.concatenate([[0], np.cumsum(row_sizes)])
    return csr_array((shares.data, shares.indices, ends), shape=(matrix.shape[1], n_clusters))
