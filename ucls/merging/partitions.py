"""Balanced partitions of the neighbour graph, which vote beside the heads.

Shapes: N images, V partitions.
"""

from collections.abc import Callable

import numpy as np

from ucls.ensemble.partitioning import Adjacency, partition
from ucls.merging.links import both_ways, count_links, nearest_edges
from ucls.progress import Reporter
from ucls.types import Labels, MergedHeads, NeighborGraph
from ucls.wording import count

NEAREST = 10
"""Neighbours of an image that its edges lead to: the nearest are the purest."""
IMBALANCE = 0.3
"""How far a part may exceed the mean size, so that no class has to be cut at its edge."""
PER_HEAD = 2
"""Partitions for each head that votes."""
MOST_IMAGES = 100_000
"""Larger sets were not tried."""
MOST_LINKS_CUT = 1.3
"""Times as many links as the merged heads cut; beyond, parts of like size tear classes. It was 0.2
to 1.2 on eight sets of equal classes, and 1.5 and 1.9 on digits thinned to 3:1 and taken for equal.
"""


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

    None does where clusters look unequal in size, or where it was asked how heads are merged.

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
        int32 [V, N] in 0..C-1; V is 0 where none votes.
    """
    none = np.empty((0, n_images), dtype=np.int32)
    if merged is None or linkage != "auto" or n_images > MOST_IMAGES:
        return none
    if merged.linkage == "diffusion" or merged.look_unequal or not PER_HEAD * n_heads:
        return none
    graph = read_graph()
    found = partition_graph(graph, n_clusters, n_partitions=PER_HEAD * n_heads, seed=seed)
    cut_by_heads = merged.cut_shares.get("spectral", np.inf)  # unknown if none was merged
    if _cut_share(found, graph, n_clusters) > MOST_LINKS_CUT * cut_by_heads:
        return none
    reporter.say(
        f"ensemble: clusters look about equal in size, so {count(len(found), 'partition')} of the "
        "neighbour graph into parts of like size vote beside the heads"
    )
    return found


def partition_graph(
    graph: NeighborGraph, n_clusters: int, *, n_partitions: int, seed: int
) -> Labels:
    """Cuts the neighbour graph into parts of like size, again and again.

    Heads learn what is alike from single pairs of neighbours, each partition weighs all links at
    once. METIS (Karypis & Kumar, 1998) sees the images in another order each time, since it draws
    too little for small graphs.

    Args:
        graph: of the N images.
        n_clusters: parts.
        n_partitions: V.
        seed: the same seed gives the same partitions, and more of them begin with the same.

    Returns:
        int32 [V, N] in 0..n_clusters-1.
    """
    found = np.empty((n_partitions, graph.n_images), dtype=np.int32)
    links = both_ways(nearest_edges(graph, nearest=NEAREST), graph.n_images)
    for number, labels in enumerate(found):
        order = np.random.default_rng([seed, number]).permutation(graph.n_images)
        shuffled = links[order][:, order]
        shuffled.sort_indices()
        edges = Adjacency(shuffled.indptr, shuffled.indices, shuffled.data)
        labels[order] = partition(edges, n_clusters, seed=number, imbalance=IMBALANCE)
    return found


def _cut_share(partitions: Labels, graph: NeighborGraph, n_clusters: int) -> float:
    """The share of the links between neighbours that partitions cut, on average."""
    edges, mapping = nearest_edges(graph), np.arange(n_clusters, dtype=np.int32)
    shares = [count_links(one, n_clusters, edges).cut_share(mapping) for one in partitions]
    return float(np.mean(shares))
