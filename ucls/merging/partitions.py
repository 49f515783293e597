"""Balanced partitions of the neighbour graph, which vote beside the heads.

Shapes: N images, V partitions.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ucls.ensemble.partitioning import Adjacency, partition
from ucls.merging.links import (
    Pieces,
    both_ways,
    cut_share,
    mutual_links,
    nearest_counting,
    nearest_edges,
)
from ucls.progress import Reporter
from ucls.types import Labels, MergedHeads, NeighborGraph
from ucls.wording import count

if TYPE_CHECKING:
    from scipy.sparse import csr_array

IMBALANCE = 0.3
"""How far a part may exceed the mean size, so that no class has to be cut at its edge."""
CUTS = 4
"""METIS keeps the lightest of so many cuts, whose parts were right in up to 0.03 more."""
PER_HEAD = 4
"""Partitions for each head that votes."""
OVERLAP_FROM = 0.1
"""Share of the mutual links that partitions cut where classes overlap, so that only one for each
head votes: 0.13 and 0.19 on CIFAR, at most 0.08 on seven other sets."""
MOST_IMAGES = 100_000
"""Larger sets were not tried."""


def voting_partitions(
    merged: MergedHeads | None,
    read_graph: Callable[[], NeighborGraph],
    n_clusters: int,
    *,
    n_heads: int,
    n_images: int,
    linkage: str | None,
    seed: int,
    reporter: Reporter,
) -> Labels:
    """The partitions that vote beside the heads, told in one line.

    None does where clusters look unequal in size, where it was asked how heads are merged, or where
    the graph falls into small pieces.

    Args:
        merged: what became of the heads; None if they were not to be merged.
        read_graph: gives the neighbour graph, of which the nearest are enough.
        n_clusters: C.
        n_heads: that vote.
        n_images: N.
        linkage: as it was asked for.
        seed: the same seed gives the same partitions.
        reporter: shown what happens.

    Returns:
        int32 [V, N] in -1..C-1, see :func:`partition_graph`; V is 0 where none votes.
    """
    none = np.empty((0, n_images), dtype=np.int32)
    if merged is None or linkage != "auto" or n_images > MOST_IMAGES:
        return none
    if merged.linkage == "diffusion" or merged.look_unequal or not PER_HEAD * n_heads:
        return none
    graph = read_graph()
    links = mutual_links(graph, n_clusters)
    if Pieces.of(links, n_clusters).fall_apart:
        return none

    def cut(n_partitions: int) -> Labels:
        return partition_graph(graph, n_clusters, n_partitions=n_partitions, seed=seed, n_cuts=CUTS)

    overlap = cut_share(cut(1)[0], links) > OVERLAP_FROM
    found = cut(n_heads if overlap else PER_HEAD * n_heads)
    reporter.say(
        f"ensemble: clusters look about equal in size, so {count(len(found), 'partition')} of the "
        "neighbour graph into parts of like size vote beside the heads"
    )
    return found


def partition_graph(
    graph: NeighborGraph, n_clusters: int, *, n_partitions: int, seed: int, n_cuts: int = 1
) -> Labels:
    """Cuts the neighbour graph into parts of like size, again and again.

    Heads learn what is alike from single pairs of neighbours, each partition weighs all links at
    once, of those that are mutual. METIS (Karypis & Kumar, 1998) sees the images in another order
    each time, since it draws too little for small graphs.

    Args:
        graph: of the N images.
        n_clusters: parts.
        n_partitions: V.
        seed: the same seed gives the same partitions, and more of them begin with the same.
        n_cuts: of each, the lightest of so many.

    Returns:
        int32 [V, N] in 0..n_clusters-1; -1 for images that no link holds to any part.
    """
    found = np.empty((n_partitions, graph.n_images), dtype=np.int32)
    links = mutual_links(graph, n_clusters)
    tie = _Loose(graph, links, n_clusters).tie
    for number, labels in enumerate(found):
        order = np.random.default_rng([seed, number]).permutation(graph.n_images)
        shuffled = links[order][:, order]
        shuffled.sort_indices()
        edges = Adjacency(shuffled.indptr, shuffled.indices, shuffled.data)
        labels[order] = partition(
            edges, n_clusters, seed=number, imbalance=IMBALANCE, n_cuts=n_cuts
        )
        tie(labels)
    return found


class _Loose:
    """Few images that no mutual link holds to the rest, so that METIS may put them anywhere."""

    def __init__(self, graph: NeighborGraph, links: "csr_array", n_clusters: int) -> None:
        nearest = nearest_counting(graph, n_clusters)
        self.n_clusters = n_clusters
        self.group_of = Pieces.of(links, n_clusters).of_images
        is_loose = np.bincount(self.group_of)[self.group_of] <= nearest
        is_loose &= not is_loose.all()  # those of METIS are as good then
        self.images = np.flatnonzero(is_loose)
        pairs = both_ways(nearest_edges(graph, nearest=nearest), graph.n_images)[self.images]
        rows, self.ends = pairs.nonzero()
        is_held = ~is_loose[self.ends]
        self.groups, self.ends = self.group_of[self.images[rows[is_held]]], self.ends[is_held]

    def tie(self, labels: Labels) -> None:
        """Puts them where most of their neighbours are, in place; -1 if all of these are loose."""
        votes = np.zeros((self.group_of.max() + 1, self.n_clusters), dtype=np.int64)
        np.add.at(votes, (self.groups, labels[self.ends]), 1)
        of_images = votes[self.group_of[self.images]]
        labels[self.images] = np.where(of_images.any(axis=1), of_images.argmax(axis=1), -1)
