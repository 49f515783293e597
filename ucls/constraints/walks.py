"""Random walks over the neighbour graph: what is known of an image is heard by those around it.

Shapes: N images, C clusters.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.merging.links import nearest_edges
from ucls.types import NeighborGraph

Shares = npt.NDArray[np.float32]

NEAREST = 5
"""Neighbours of an image that a walk may step to, beside those of which it is such a neighbour.
With 10 the others followed less well on digits, USPS and MNIST."""
STOPS = 0.05
"""Share of the walks that stop at each image."""
STEPS = 100
"""After which 6 of 1,000 walks go on still."""


def steps_of(graph: NeighborGraph) -> Any:
    """How likely a walk goes from one image to another, sparse float32 [N, N], rows of sum 1."""
    from scipy.sparse import csr_array, diags_array

    edges = nearest_edges(graph, nearest=NEAREST)
    shape = (graph.n_images, graph.n_images)
    ones = np.ones(len(edges.sources), np.float32)
    one_way = csr_array((ones, (edges.sources, edges.targets)), shape)
    both = one_way + one_way.T
    return (diags_array(1.0 / np.maximum(both.sum(axis=1), 1.0)) @ both).astype(np.float32)


def hear(steps: Any, votes: Shares, is_known: npt.NDArray[np.bool_]) -> Shares:
    """What walks from each image are told where they end.

    At each image a twentieth of them stops, and is told its votes; all stop where the cluster is
    known. These are the harmonic functions of Zhu, Ghahramani & Lafferty (ICML 2003, section 4),
    in which the votes are those of an external classifier, here of the heads.

    Args:
        steps: as :func:`steps_of` gives them.
        votes: for some of the clusters, [N, c].
        is_known: [N].
    """
    told = votes
    for _ in range(STEPS):
        told = (1.0 - STOPS) * (steps @ told) + STOPS * votes
        told[is_known] = votes[is_known]
    return told
