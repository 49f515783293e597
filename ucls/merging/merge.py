"""Heads with more clusters than wanted, merged down by the links of the neighbour graph."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ucls.errors import UsageError
from ucls.merging.agglomeration import agglomerate
from ucls.merging.links import ClusterLinks, Edges, count_links, nearest_edges
from ucls.merging.spectral import spectral_groups
from ucls.progress import Advance, ignore_progress
from ucls.types import LINKAGES, Labels, Linkage, MergedHead, MergedHeads, NeighborGraph

HEADS_TO_CHOOSE_BY = 8
SPECTRAL_CUTS_AT_MOST = 1.6
"""Times the links that average linkage cuts; beyond, the clusters look unequal. Between what equal
classes had and what unequal ones had that overlap little; see benchmarks/README.md."""
SHARE_CUTS_AT_MOST = 0.8
"""Times the links that average linkage cuts; below, the clusters look very unequal."""
OVERLAP_AT_MOST = 0.1
"""Share of the links that average linkage cuts; beyond, ``share`` lumps most clusters together."""


def merge_heads(
    labels: npt.NDArray[np.int32],
    graph: NeighborGraph,
    n_clusters: int,
    *,
    head_clusters: Sequence[int],
    linkage: Linkage | Literal["auto"] = "auto",
    advance: Advance = ignore_progress,
) -> MergedHeads:
    """Merges the clusters of every head by how often the neighbour graph links them.

    The rule behind ``auto`` sees no labels. Spectral clustering favours groups of like size, and
    is taken unless it cuts more than 1.6 times the links that average linkage cuts: then the
    clusters look unequal, and average linkage is taken, or ``share`` where clusters overlap little
    and it cuts fewer than four fifths of the links that average linkage cuts, as it does where the
    clusters are very unequal. The first eight heads with more clusters than wanted decide.

    Args:
        labels: int32 [H, N]; -1 is missing.
        graph: of the N images.
        n_clusters: C, wanted.
        head_clusters: C' of each head.
        linkage: how to merge.
        advance: told of each head.

    Raises:
        UsageError: if the labels do not fit the graph.
    """
    if labels.shape[1] != graph.n_images:
        raise UsageError(
            f"expected labels of the {graph.n_images} images of the graph, got those of "
            f"{labels.shape[1]}: use the graph that the heads were trained with"
        )
    edges = nearest_edges(graph)
    shares: dict[Linkage, float] = {}
    if linkage == "auto":
        larger = [head for head, size in enumerate(head_clusters) if size > n_clusters]
        shares = _cut_shares(labels, edges, n_clusters, heads=larger, sizes=head_clusters)
        linkage = choose_linkage(shares)
    merged = []
    for head, size in zip(labels, head_clusters, strict=True):
        merged.append(merge_head(count_links(head, size, edges), n_clusters, linkage=linkage))
        advance()
    return MergedHeads(tuple(merged), linkage, shares)


def merge_head(clusters: ClusterLinks, n_clusters: int, *, linkage: Linkage) -> MergedHead:
    """The merge tree of one head; cut at ``n_clusters`` it is what the linkage finds."""
    held = clusters.occupied()
    closeness: Literal["average", "share"] = "share" if linkage == "share" else "average"
    groups = spectral_groups(held, n_clusters) if linkage == "spectral" else None
    tree = agglomerate(held, closeness=closeness, groups=groups)
    leaves = np.flatnonzero(clusters.sizes).astype(np.int32)
    return MergedHead(leaves, tree, len(clusters.sizes))


def choose_linkage(cut_shares: dict[Linkage, float]) -> Linkage:
    """The linkage of ``auto``, by the share of the links that each of them cuts."""
    if not cut_shares:
        return "average"
    average, share = cut_shares["average"], cut_shares["share"]
    if cut_shares["spectral"] <= SPECTRAL_CUTS_AT_MOST * average:
        return "spectral"
    is_very_unequal = share < SHARE_CUTS_AT_MOST * average and average < OVERLAP_AT_MOST
    return "share" if is_very_unequal else "average"


def _cut_shares(
    labels: Labels,
    edges: Edges,
    n_clusters: int,
    *,
    heads: Sequence[int],
    sizes: Sequence[int],
) -> dict[Linkage, float]:
    """The mean share of links cut by each linkage, over the first heads; empty without heads."""
    found: dict[Linkage, list[float]] = {linkage: [] for linkage in LINKAGES}
    for head in heads[:HEADS_TO_CHOOSE_BY]:
        clusters = count_links(labels[head], sizes[head], edges)
        for linkage, shares in found.items():
            mapping = merge_head(clusters, n_clusters, linkage=linkage).cut(n_clusters)
            shares.append(clusters.cut_share(mapping))
    return {linkage: float(np.mean(shares)) for linkage, shares in found.items() if shares}
