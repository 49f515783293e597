"""HBGF, the Hybrid Bipartite Graph Formulation (Fern & Brodley, ICML 2004)."""

import numpy as np

from ucls.ensemble.available_memory import require_memory
from ucls.ensemble.hypergraph import first_clusters
from ucls.ensemble.method import Method
from ucls.ensemble.partitioning import IMBALANCE, Adjacency, loose_imbalance, partition
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

BYTES_PER_LABEL = 115
"""Peak memory over the number of labels, H * N; measured at ImageNet size."""


def hbgf(
    labels: Labels,
    n_clusters: int,
    *,
    seed: int = 0,
    imbalance: float | None = None,
    advance: Advance = ignore_progress,
) -> Labels:
    """Cuts the graph that links each image with the clusters that hold it.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; no image is missing in all heads.
        n_clusters: number of clusters of the consensus.
        seed: seed of METIS.
        imbalance: how far a part may exceed the mean size; None is
            :func:`ucls.ensemble.partitioning.loose_imbalance`.
        advance: told once, at the end.

    Returns:
        int32 [N] in 0..n_clusters-1.

    Raises:
        UsageError: the graph would not fit into memory.
    """
    n_labels = labels.size
    require_memory("hbgf", BYTES_PER_LABEL * n_labels, because=f"a graph of {n_labels:,} edges")
    balance = loose_imbalance(labels, n_clusters) if imbalance is None else imbalance
    graph, first = bipartite_graph(labels), int(first_clusters(labels)[-1])
    parts = partition(graph, n_clusters, seed=seed, imbalance=balance, first=first)
    advance(1)
    return parts[first:].astype(np.int32)


def bipartite_graph(labels: Labels) -> Adjacency:
    """The clusters of all heads, then the images, with an edge where a cluster holds an image.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing and has no edge.

    Returns:
        V + N vertices; V counts the clusters of all heads, head after head. All weigh the same.
    """
    first = first_clusters(labels)
    n_clusters, n_edges = int(first[-1]), np.count_nonzero(labels >= 0)
    neighbors = np.empty(2 * n_edges, dtype=np.int64)
    sizes = []
    filled = 0
    for head in labels:
        images = np.argsort(head, kind="stable")[np.count_nonzero(head < 0) :]
        neighbors[filled : filled + len(images)] = images + n_clusters
        filled += len(images)
        sizes.append(np.bincount(head + 1)[1:])
    is_known = labels.T >= 0
    neighbors[n_edges:] = (labels.T + first[:-1])[is_known]
    degrees = np.concatenate([*sizes, is_known.sum(axis=1)])
    return Adjacency(starts=np.concatenate([[0], np.cumsum(degrees)]), neighbors=neighbors)


HBGF = Method(
    name="hbgf",
    help="cuts the graph of images and clusters",
    run=hbgf,
    n_steps=lambda n_heads: 1,
    options=(IMBALANCE,),
)
