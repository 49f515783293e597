"""Whether heads with as many clusters as wanted have split some class into several."""

import numpy as np
import numpy.typing as npt

from ucls.merging.links import ClusterLinks, count_links, nearest_edges
from ucls.types import NeighborGraph

HEADS_LOOKED_AT = 8
CLOSEST_PAIR_AT_MOST = 0.1
"""Links between two clusters of like classes, as a share of those within; digits have 0.04-0.07
with equal classes and 0.10-0.20 with sizes from 3:1 on, made-up features 0.00 and 0.30."""


def looks_unequal(labels: npt.NDArray[np.int32], graph: NeighborGraph, n_clusters: int) -> bool:
    """Whether some clusters are linked so closely that they look like parts of one.

    Heads that favour clusters of equal size split large classes. Sees no labels; the median of the
    first eight heads decides.

    Args:
        labels: of heads with ``n_clusters`` clusters each, int32 [H, N]; -1 is missing.
        graph: of the N images.
        n_clusters: C.
    """
    edges = nearest_edges(graph)
    closest = [
        closest_pair(count_links(head, n_clusters, edges)) for head in labels[:HEADS_LOOKED_AT]
    ]
    return bool(np.median(closest) > CLOSEST_PAIR_AT_MOST)


def closest_pair(clusters: ClusterLinks) -> float:
    """How closely the two closest clusters are linked: 0 not at all, 1 as closely as within.

    Links count over the product of sizes, and that over the geometric mean of the same within
    both clusters.
    """
    held = clusters.occupied()
    density = held.links / np.outer(held.sizes, held.sizes)
    within = np.diag(density).copy()
    np.fill_diagonal(density, 0.0)
    return float((density / np.sqrt(np.outer(within, within))).max(initial=0.0))
