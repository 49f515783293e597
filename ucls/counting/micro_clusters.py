"""Many small clusters of images, several times, and how the neighbour graph links them.

Shapes: N images, D features, R clusterings of M micro-clusters each.
"""

import numpy as np
import numpy.typing as npt
import torch

from ucls.merging.links import ClusterLinks, Edges, count_joint_links, nearest_edges
from ucls.metrics.lloyd import assign, lloyd
from ucls.neighbors.build import THRESHOLD_OFF, build_neighbors
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels

IMAGES_EACH = 15
"""Of a micro-cluster, on average: fewer tell little, more hold several classes."""
MOST = 500
"""Micro-clusters of a clustering."""
FEWEST = 8
CLUSTERINGS = 8
ITERATIONS = 15
"""Of Lloyd's: micro-clusters need not be the best."""
NEIGHBORS = 20


def count_micro_clusters(n_images: int) -> int:
    """M, from the number of images."""
    return min(MOST, max(FEWEST, n_images // IMAGES_EACH))


def micro_clusters(
    unit: torch.Tensor,
    n_micro: int,
    *,
    seed: int,
    n_clusterings: int = CLUSTERINGS,
    advance: Advance = ignore_progress,
) -> Labels:
    """K-means from random images on, on directions, several times.

    Args:
        unit: features of length 1, float32 [N, D].
        n_micro: M, at most N.
        seed: of the first centres.
        n_clusterings: R.
        advance: told of each.

    Returns:
        int32 [R, N], below M.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_clusterings):
        first = unit[rng.choice(len(unit), n_micro, replace=False).tolist()]
        centres, _ = lloyd(unit, first, iterations=ITERATIONS)
        found.append(assign(unit, centres)[0].int().cpu().numpy())
        advance(1)
    return np.stack(found)


def nearest_neighbors(features: npt.NDArray[np.floating], *, device: str = "cpu") -> Edges:
    """The edges from each image to its 20 nearest by cosine similarity."""
    k = min(NEIGHBORS, len(features) - 1)
    graph = build_neighbors(features, k=k, threshold=THRESHOLD_OFF, device=device)
    return nearest_edges(graph, nearest=k)


def link_micro_clusters(labels: Labels, edges: Edges) -> ClusterLinks:
    """How all micro-clusters that hold images are linked, also those of different clusterings.

    Args:
        labels: int32 [R, N].
        edges: of the neighbour graph.
    """
    sizes = (labels.max(axis=1) + 1).tolist()
    return count_joint_links(labels, sizes, edges).occupied()
