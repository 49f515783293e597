"""Heads with more clusters than wanted, merged down by the links of the neighbour graph."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ucls.ensemble.label_matrix import check_label_matrix
from ucls.errors import UsageError
from ucls.merging.agglomeration import agglomerate
from ucls.merging.links import (
    ClusterLinks,
    Edges,
    Pieces,
    count_links,
    mutual_links,
    nearest_edges,
)
from ucls.merging.partitions import MOST_IMAGES
from ucls.merging.sizes import compare_sizes
from ucls.merging.spectral import spectral_groups
from ucls.merging.together import merge_together
from ucls.merging.wishes import NO_WISHES, Wishes
from ucls.progress import Advance, ignore_progress
from ucls.types import (
    LINKAGES,
    IntArray,
    Labels,
    Linkage,
    MergedHead,
    MergedHeads,
    NeighborGraph,
    renumber,
)
from ucls.wording import count

HEADS_TO_CHOOSE_BY = 8
SPECTRAL_CUTS_AT_MOST = 1.6
"""Times the links that the tree of all heads cuts; beyond, clusters of like size tear classes."""
EVEN_AT_LEAST = 0.775
"""Evenness of the sizes that the tree of all heads finds, from which on they look about equal."""


def merge_heads(
    labels: npt.NDArray[np.int32],
    graph: NeighborGraph,
    n_clusters: int,
    *,
    head_clusters: Sequence[int],
    linkage: Linkage | Literal["auto"] = "auto",
    wishes: Wishes = NO_WISHES,
    advance: Advance = ignore_progress,
) -> MergedHeads:
    """Merges the clusters of every head by how often the neighbour graph links them.

    ``diffusion`` merges the clusters of all heads in one tree, whatever sizes come of it. The other
    two merge head by head: ``spectral`` favours groups of like size, ``average`` is the group
    average of the links. ``auto`` takes ``diffusion``, unless classes look about equal in size to
    the first eight heads with more clusters than wanted: see :mod:`ucls.merging.sizes`, and for
    more than 100,000 images, or a graph in small pieces, :func:`choose_linkage`; it sees no labels.
    With wishes ``auto`` is ``diffusion``, which alone meets them.

    Args:
        labels: int32 [H, N]; -1 is missing.
        graph: of the N images.
        n_clusters: C, wanted.
        head_clusters: C' of each head.
        linkage: how to merge.
        wishes: which the clusters shall meet.
        advance: told of each head.

    Raises:
        UsageError: if the labels are no such matrix, do not fit the graph or ``head_clusters``, or
            ``n_clusters`` or ``linkage`` are out of range.

    Example:
        >>> import numpy as np
        >>> from ucls.merging import merge_heads
        >>> from ucls.neighbors import build_neighbors
        >>> features = np.array([[3, 1], [3, 2], [2, 3], [-1, -3], [-2, -3]], np.float32)
        >>> graph = build_neighbors(features, k=2, threshold=0.8)
        >>> labels = np.array([[0, 0, 1, 2, 2]], np.int32)
        >>> merge_heads(labels, graph, 2, head_clusters=[3], linkage="average").heads[0].cut(2)
        array([1, 1, 0], dtype=int32)
    """
    labels = check_label_matrix(labels).astype(np.int32, copy=False)
    _check_fit(labels, graph.n_images, head_clusters)
    if n_clusters < 2:
        raise UsageError(f"n_clusters must be 2 or more, got {n_clusters}: change n_clusters")
    if linkage not in ("auto", *LINKAGES):
        raise UsageError(f"linkage must be one of auto, {', '.join(LINKAGES)}, got {linkage!r}")
    edges = nearest_edges(graph)
    larger = [head for head, size in enumerate(head_clusters) if size > n_clusters]
    together: dict[int, MergedHead] = {}
    shares: dict[Linkage, float] = {}
    clearest, n_left = None, n_clusters
    if larger and linkage in ("auto", "diffusion"):
        sizes = [head_clusters[head] for head in larger]
        found, clearest, n_left = merge_together(
            labels[larger], n_clusters, head_clusters=sizes, edges=edges, wishes=wishes
        )
        together = dict(zip(larger, found, strict=True))
    if linkage == "auto" and wishes.min_size:
        linkage, clearest = "diffusion", None
    if linkage == "auto":
        chosen_by = {head: together[head] for head in larger[:HEADS_TO_CHOOSE_BY]}
        linkage, shares = _choose(labels, graph, n_clusters, together=chosen_by)
    merged = []
    for number, (head, size) in enumerate(zip(labels, head_clusters, strict=True)):
        if linkage == "diffusion" and number in together:
            merged.append(together[number])
        else:
            links = count_links(head, size, edges)
            merged.append(merge_head(links, n_clusters, spectral=linkage == "spectral"))
        advance()
    fewer = n_left if n_left < n_clusters else None
    return MergedHeads(tuple(merged), linkage, shares, clearest, fewer)


def merge_head(clusters: ClusterLinks, n_clusters: int, *, spectral: bool) -> MergedHead:
    """The merge tree of one head, by average linkage or so that a cut finds spectral groups."""
    held = clusters.occupied()
    groups = spectral_groups(held, n_clusters) if spectral else None
    is_held = clusters.sizes > 0
    leaf_of = np.where(is_held, np.cumsum(is_held) - 1, -1).astype(np.int32)
    return MergedHead(leaf_of, agglomerate(held, groups=groups))


def choose_linkage(cut_shares: dict[Linkage, float], *, evenness: float) -> Linkage:
    """The linkage of ``auto``, by the share of the links that each of them cuts.

    Args:
        cut_shares: of ``diffusion`` and ``spectral``.
        evenness: of the sizes that ``diffusion`` finds, see :func:`evenness_of`.
    """
    most = SPECTRAL_CUTS_AT_MOST * cut_shares["diffusion"]
    is_equal = evenness >= EVEN_AT_LEAST and cut_shares["spectral"] <= most
    return "spectral" if is_equal else "diffusion"


def evenness_of(sizes: npt.NDArray[np.floating]) -> float:
    """How many clusters of equal size would tell as much, as a share of all: exp(entropy) / C."""
    shares = sizes[sizes > 0] / sizes.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(sizes))


def _check_fit(labels: IntArray, n_images: int, head_clusters: Sequence[int]) -> None:
    """Raises UsageError unless labels [H, N] are of these images and clusters."""
    n_heads, n_labelled = labels.shape
    if n_labelled != n_images:
        raise UsageError(
            f"expected labels of the {n_images} images of the graph, got those of {n_labelled}: "
            "use the graph that the heads were trained with"
        )
    if len(head_clusters) != n_heads:
        raise UsageError(
            f"expected head_clusters of {count(n_heads, 'head')}, got {len(head_clusters)}: give "
            "one number for each row of labels"
        )
    for head, (largest, size) in enumerate(zip(labels.max(axis=1), head_clusters, strict=True)):
        if largest >= size:
            raise UsageError(
                f"head {head} has labels up to {largest}, but head_clusters has {size} for it: "
                f"give {largest + 1} or more"
            )


def _choose(
    labels: Labels, graph: NeighborGraph, n_clusters: int, *, together: dict[int, MergedHead]
) -> tuple[Linkage, dict[Linkage, float]]:
    """The linkage of ``auto`` and the share of the links that each cuts; without heads any."""
    if not together:
        return "average", {}
    if graph.n_images > MOST_IMAGES or _is_in_pieces(graph, n_clusters):
        return _choose_by_heads(labels, nearest_edges(graph), n_clusters, together=together)
    own = [renumber(labels[head], merged.cut(n_clusters)) for head, merged in together.items()]
    sizes = compare_sizes(np.stack(own), graph, n_clusters)
    linkage: Linkage = "spectral" if sizes.look_equal else "diffusion"
    return linkage, {"diffusion": sizes.free, "spectral": sizes.alike}


def _is_in_pieces(graph: NeighborGraph, n_clusters: int) -> bool:
    return Pieces.of(mutual_links(graph, n_clusters), n_clusters).fall_apart


def _choose_by_heads(
    labels: Labels, edges: Edges, n_clusters: int, *, together: dict[int, MergedHead]
) -> tuple[Linkage, dict[Linkage, float]]:
    found: dict[Linkage, list[float]] = {"diffusion": [], "spectral": []}
    sizes = np.zeros(n_clusters)
    for head, merged in together.items():
        clusters = count_links(labels[head], len(merged.leaf_of), edges)
        mapping = merged.cut(n_clusters)
        found["diffusion"].append(clusters.cut_share(mapping))
        alone = merge_head(clusters, n_clusters, spectral=True).cut(n_clusters)
        found["spectral"].append(clusters.cut_share(alone))
        own = renumber(labels[head], mapping)
        sizes += np.bincount(own[own >= 0], minlength=n_clusters)
    shares: dict[Linkage, float] = {name: float(np.mean(cuts)) for name, cuts in found.items()}
    return choose_linkage(shares, evenness=evenness_of(sizes)), shares
