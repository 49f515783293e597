"""MCLA, the Meta-CLustering Algorithm (Strehl & Ghosh, 2002, section 3.4)."""

from itertools import combinations
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from ucls.ensemble import alignment
from ucls.ensemble.contingency import cluster_sizes, count_overlaps
from ucls.ensemble.head_weights import HeadWeights
from ucls.ensemble.hypergraph import first_clusters
from ucls.ensemble.label_matrix import count_clusters
from ucls.ensemble.method import Method
from ucls.ensemble.options import Choice, Flag, Number, Option
from ucls.ensemble.partitioning import partition, weigh_edges
from ucls.ensemble.steps import n_pairs
from ucls.errors import UsageError
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VertexWeights = Literal["unit", "size"]
LEAST_KEPT = 0.1
"""Share of its images that a cluster must keep in the second vote."""


def mcla(
    labels: Labels,
    n_clusters: int,
    *,
    seed: int = 0,
    min_jaccard: float = 0.02,
    vertex_weights: VertexWeights = "unit",
    revote: bool = True,
    weights: HeadWeights = None,
    numbers: npt.NDArray[np.int64] | None = None,
    advance: Advance = ignore_progress,
) -> Labels:
    """Groups the clusters of all heads into meta-clusters and lets each image pick one.

    Beyond the paper, ``revote`` then aligns all heads to that consensus by the Hungarian method
    and takes the majority until nothing changes, in at most 100 rounds.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; -1 is missing.
        n_clusters: number of meta-clusters.
        seed: seed of METIS.
        min_jaccard: clusters that overlap less are not linked; 0..1.
        vertex_weights: what METIS balances: ``unit``, the number of clusters in a meta-cluster,
            or ``size``, the images in them, which presumes that classes are equal.
        revote: whether to vote again.
        weights: how much each head counts when voting again.
        numbers: the meta-cluster of every cluster, head after head, int64 [V], where that is known:
            then nothing is grouped.
        advance: told of each pair of heads.

    Returns:
        int32 [N] in 0..n_clusters-1; -1 for images that all heads miss. Some of the clusters
        may be empty.

    Raises:
        UsageError: no two clusters are linked.
    """
    if numbers is None:
        graph = cluster_graph(labels, min_jaccard=min_jaccard, advance=advance)
        if graph.nnz == 0:
            raise UsageError(
                f"no two clusters of different heads have a Jaccard overlap of {min_jaccard} or "
                "more, so MCLA has nothing to link: lower min_jaccard or look at the heads"
            )
        parts = _group(graph, labels, n_clusters, vertex_weights=vertex_weights, seed=seed)
        n_told = max(map(count_clusters, labels))
    else:
        parts, n_told = numbers, len(np.unique(numbers))
    clustering = collapse(labels, parts, n_clusters)
    if numbers is not None or n_told >= n_clusters:
        clustering = fill_told(clustering, labels, parts, n_clusters=n_clusters)
    if not revote:
        return clustering
    voted = alignment.revote(labels, clustering, n_clusters, weights=weights)
    # Where no head fills so many, a cluster that comes out empty is none that is told from others.
    return keep_filled(voted, clustering, n_clusters) if n_told >= n_clusters else voted


def _group(
    graph: "csr_array",
    labels: Labels,
    n_clusters: int,
    *,
    vertex_weights: VertexWeights,
    seed: int,
) -> npt.NDArray[np.int64]:
    """The meta-cluster of every cluster, head after head, [V]."""
    sizes = np.concatenate([cluster_sizes(head) for head in labels])
    adjacency = weigh_edges(graph, sizes if vertex_weights == "size" else None)
    return partition(adjacency, n_clusters, seed=seed)


def cluster_graph(
    labels: Labels, *, min_jaccard: float = 0.0, advance: Advance = ignore_progress
) -> "csr_array":
    """The meta-graph: one vertex per cluster of every head, edges weighted by Jaccard.

    The binary Jaccard measure of two clusters is the number of images in both over the number
    of images in either. Clusters of one head are disjoint and have no edge.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        min_jaccard: edges below this are dropped.
        advance: told of each pair of heads.

    Returns:
        Symmetric float64 [V, V] without diagonal, sorted indices; V counts the clusters of all
        heads, head after head.
    """
    from scipy.sparse import coo_array

    sizes = [cluster_sizes(head) for head in labels]
    starts = first_clusters(labels)
    sources, targets, weights = [], [], []
    for i, j in combinations(range(len(labels)), 2):
        rows, columns, shared = count_overlaps(labels[i], labels[j])
        jaccard = shared / (sizes[i][rows] + sizes[j][columns] - shared)
        kept = jaccard >= min_jaccard
        sources.append((rows[kept] + starts[i]).astype(np.int32))
        targets.append((columns[kept] + starts[j]).astype(np.int32))
        weights.append(jaccard[kept])
        advance(1)
    edges = (np.concatenate(sources), np.concatenate(targets))
    upper = coo_array((np.concatenate(weights), edges), shape=(starts[-1], starts[-1])).tocsr()
    graph: csr_array = (upper + upper.T).tocsr()
    graph.sort_indices()
    return graph


def collapse(labels: Labels, parts: npt.NDArray[np.int64], n_clusters: int) -> Labels:
    """Sends every image to the meta-cluster it takes part in most strongly.

    The association of an image with a meta-cluster is the share of that meta-cluster's
    clusters that hold the image. Ties, which the paper breaks at random, go to the lowest.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        parts: the meta-cluster of every cluster, head after head, int64 [V].
        n_clusters: number of meta-clusters, the empty ones included.

    Returns:
        int32 [N] in 0..n_clusters-1; -1 for images that all heads miss.
    """
    meta_labels = np.empty_like(labels)
    per_head = np.split(parts, first_clusters(labels)[1:-1])
    for head, head_parts, renamed in zip(labels, per_head, meta_labels, strict=True):
        renamed[:] = np.concatenate([[-1], head_parts])[head + 1]
    # An empty meta-cluster has no votes; its size only must not be 0.
    n_merged = np.maximum(np.bincount(parts, minlength=n_clusters), 1)
    divisors = np.concatenate([[1], n_merged])
    clustering = np.empty(labels.shape[1], dtype=np.int32)
    for rows, votes in alignment.count_votes(meta_labels, n_clusters):
        clustering[rows] = (votes / divisors).argmax(axis=1) - 1
    return clustering


def fill_told(
    collapsed: Labels, labels: Labels, parts: npt.NDArray[np.int64], *, n_clusters: int
) -> Labels:
    """Gives each empty meta-cluster the images of its largest cluster.

    Where few heads tell a meta-cluster, each by other images, none of these takes part in it more
    strongly than in a larger one, and :func:`collapse` leaves it empty.

    Args:
        collapsed: as :func:`collapse` returns it, int32 [N].
        labels: compact heads, int32 [H, N]; -1 is missing.
        parts: the meta-cluster of every cluster, head after head, int64 [V].
        n_clusters: number of meta-clusters.

    Returns:
        int32 [N]. A meta-cluster is empty only if it has no cluster, or others need its images.
    """
    told = collapsed.copy()
    starts = first_clusters(labels)
    sizes = np.concatenate([cluster_sizes(head) for head in labels])
    empty = np.setdiff1d(parts, collapsed)
    largest = {part: max(np.flatnonzero(parts == part), key=sizes.__getitem__) for part in empty}
    for part in sorted(empty.tolist(), key=lambda part: sizes[largest[part]]):
        head = np.searchsorted(starts, largest[part], side="right") - 1
        members = labels[head] == largest[part] - starts[head]
        _take(told, part, members, n_clusters)
    return told


def keep_filled(voted: Labels, collapsed: Labels, n_clusters: int) -> Labels:
    """Gives clusters that the second vote has all but emptied the images that they had before it.

    A small cluster that only some heads tell from a larger one never wins a vote, but has images
    that it holds more strongly than any other.

    Args:
        voted: int32 [N] in -1..n_clusters-1.
        collapsed: as :func:`collapse` returns it.
        n_clusters: number of clusters.

    Returns:
        int32 [N]. A cluster is empty only if ``collapsed`` has it empty, or others need its images.
    """
    kept = voted.copy()
    before = np.bincount(collapsed + 1, minlength=n_clusters + 1)[1:]
    after = np.bincount(voted + 1, minlength=n_clusters + 1)[1:]
    lost = np.flatnonzero(after < LEAST_KEPT * before)
    for cluster in lost[np.argsort(before[lost], kind="stable")].tolist():
        _take(kept, cluster, collapsed == cluster, n_clusters)
    return kept


def _take(labels: Labels, cluster: int, members: npt.NDArray[np.bool_], n_clusters: int) -> None:
    """Moves images to a cluster, unless they are all that another one has."""
    sizes = np.bincount(labels + 1, minlength=n_clusters + 1)[1:]
    taken = np.bincount(labels[members] + 1, minlength=n_clusters + 1)[1:]
    is_other = (sizes > 0) & (np.arange(n_clusters) != cluster)
    if (taken[is_other] < sizes[is_other]).all():
        labels[members] = cluster


MCLA = Method(
    name="mcla",
    help="groups the clusters of all heads by their overlap, then lets the heads vote",
    run=mcla,
    n_steps=n_pairs,
    needs=("seed", "weights", "numbers", "advance"),
    options=(
        Option(
            "min_jaccard",
            Number(float, 0.0, 1.0),
            default=0.02,
            help="link clusters that overlap so much; 0 links all.",
        ),
        Option(
            "vertex_weights",
            Choice(get_args(VertexWeights)),
            default="unit",
            help="unit, or size for classes that are equal.",
        ),
        Option("revote", Flag(), default=True, help="vote until nothing changes."),
    ),
)
