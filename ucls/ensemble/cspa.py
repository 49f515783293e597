"""CSPA, the Cluster-based Similarity Partitioning Algorithm (Strehl & Ghosh, 2002, section 3.2)."""

from typing import TYPE_CHECKING

import numpy as np

from ucls.ensemble.available_memory import require_memory
from ucls.ensemble.hypergraph import membership, merge_identical, split_rows
from ucls.ensemble.method import Method
from ucls.ensemble.partitioning import (
    IMBALANCE,
    Adjacency,
    loose_imbalance,
    partition,
    scale_weights,
)
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BYTES_PER_EDGE = 70
"""Peak memory over the similarities that are not zero, while METIS works on them; measured."""
PARTS_PER_CLUSTER = 20
"""A vertex has at most this part of a balanced cluster: METIS cannot balance a few heavy vertices.
On digits, where 16 heads leave 61 different rows of 1,437 images, ACC was 0.66 with one vertex for
each row, and is 0.91."""
LABELS_TO_SAMPLE = 2**27


def cspa(
    labels: Labels,
    n_clusters: int,
    *,
    seed: int = 0,
    imbalance: float | None = None,
    advance: Advance = ignore_progress,
) -> Labels:
    """Cuts the graph of all images, linked by the share of heads that put them together.

    Images that all heads treat alike are taken together as vertices whose weight is their number,
    unless they are too many: the cut is that of the whole graph with these images kept together.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; no image is missing in all heads.
        n_clusters: number of clusters of the consensus.
        seed: seed of METIS.
        imbalance: how far a cluster may exceed the mean size; None is
            :func:`ucls.ensemble.partitioning.loose_imbalance`.
        advance: told once, at the end.

    Returns:
        int32 [N] in 0..n_clusters-1.

    Raises:
        UsageError: the graph would not fit into memory, or no images share a cluster.
    """
    n_largest = max(1, labels.shape[1] // (n_clusters * PARTS_PER_CLUSTER))
    rows = split_rows(merge_identical(labels), n_largest)
    n_edges = estimate_edges(rows.labels)
    require_memory(
        "cspa",
        BYTES_PER_EDGE * n_edges,
        because=f"{n_edges / 2:,.0f} pairs of images that share a cluster",
    )
    graph = similarity_graph(rows.labels)
    if graph.nnz == 0:
        raise UsageError(
            "no two images that heads tell apart share a cluster, so CSPA has nothing to link: "
            "look at the heads, or use method hbgf"
        )
    sources = np.repeat(np.arange(len(rows.counts)), np.diff(graph.indptr))
    n_matches = np.rint(graph.data * len(labels)).astype(np.float64)
    # Each pair of merged vertices stands for all pairs of their images.
    n_pairs = rows.counts[sources] * rows.counts[graph.indices]
    adjacency = Adjacency(
        starts=graph.indptr.astype(np.int64),
        neighbors=graph.indices.astype(np.int64),
        edge_weights=scale_weights(n_matches * n_pairs, 1.0),
        vertex_weights=rows.counts,
    )
    balance = loose_imbalance(labels, n_clusters) if imbalance is None else imbalance
    parts = partition(adjacency, n_clusters, seed=seed, imbalance=balance)
    advance(1)
    return parts[rows.row_of_image].astype(np.int32)


def similarity_graph(labels: Labels) -> "csr_array":
    """The share of the heads that put two images into the same cluster.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing and shares nothing.

    Returns:
        Symmetric float32 [N, N] in 0..1, without diagonal; zeros are not stored.
    """
    incidence = membership(labels)
    shared = (incidence @ incidence.T).tocoo()
    is_pair = shared.row != shared.col
    pairs = (shared.row[is_pair], shared.col[is_pair])
    graph: csr_array = type(shared)(
        (shared.data[is_pair] / len(labels), pairs), shape=shared.shape
    ).tocsr()
    return graph


def estimate_edges(labels: Labels, *, seed: int = 0) -> float:
    """The number of similarities that are not zero, from some of the rows; exact for few images.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        seed: of the rows that are drawn.
    """
    n_heads, n_images = labels.shape
    n_drawn = max(10, LABELS_TO_SAMPLE // (n_heads * n_images))
    images = np.arange(n_images)
    if n_drawn < n_images:
        images = np.random.default_rng(seed).choice(n_images, n_drawn, replace=False)
    n_linked = sum(_count_linked(labels, image) for image in images.tolist())
    return float(n_linked / len(images) * n_images)


def _count_linked(labels: Labels, image: int) -> int:
    """Other images that share a cluster with one."""
    own = labels[:, image, None]
    return int(np.count_nonzero(((labels == own) & (own >= 0)).any(axis=0))) - 1


CSPA = Method(
    name="cspa",
    help="cuts the graph of all images",
    run=cspa,
    n_steps=lambda n_heads: 1,
    options=(IMBALANCE,),
    # Pairs of images that a head puts together, over all heads, if classes are equal.
    work=lambda labels, n_clusters: labels.size * labels.shape[1] / n_clusters,
    largest=1e10,
)
