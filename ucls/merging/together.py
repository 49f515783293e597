"""The clusters of all heads in one merge tree.

Shapes: H heads of N images, C' clusters of a head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.merging.diffusion import diffusion_tree
from ucls.merging.links import Edges, count_joint_links
from ucls.merging.wishes import NO_WISHES, Wishes
from ucls.types import Labels, MergedHead

MOST_LEAVES = 4000
"""Of the tree; the clusters of further heads go where those go with which they share images. At
least two heads make the tree, as what one head has split another has not."""


class Together(NamedTuple):
    """Heads whose clusters were merged together."""

    heads: list[MergedHead]
    """All with the same tree."""
    clearest: int | None
    """As in :class:`ucls.merging.diffusion.DiffusionMap`."""
    n_left: int
    """As in :class:`ucls.merging.diffusion.DiffusionTree`."""


def merge_together(
    labels: Labels,
    n_clusters: int,
    *,
    head_clusters: Sequence[int],
    edges: Edges,
    wishes: Wishes = NO_WISHES,
) -> Together:
    """Merges the clusters of heads in one tree, so that a cut means the same in every head.

    Args:
        labels: int32 [H, N]; -1 is missing.
        n_clusters: C, wanted.
        head_clusters: C' of each head.
        edges: of the neighbour graph.
        wishes: which the clusters shall meet.
    """
    n_heads = max(2, MOST_LEAVES // max(head_clusters))
    seen, sizes = labels[:n_heads], list(head_clusters[:n_heads])
    clusters = count_joint_links(seen, sizes, edges)
    held = clusters.sizes > 0
    tree, clearest, n_left = diffusion_tree(
        clusters.occupied(), n_clusters, n_heads=len(seen), wishes=wishes
    )
    leaf_of = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
    of_heads = np.split(leaf_of, np.cumsum(sizes)[:-1])
    for head, size in zip(labels[n_heads:], head_clusters[n_heads:], strict=True):
        of_heads.append(_closest_leaves(head, size, seen, of_heads[: len(seen)]))
    return Together([MergedHead(leaves, tree) for leaves in of_heads], clearest, n_left)


def _closest_leaves(
    head: Labels, n_clusters: int, others: Labels, leaves: Sequence[Labels]
) -> Labels:
    """The leaf that each cluster of a head overlaps most by Jaccard's measure, [C']; or -1."""
    best = np.zeros(n_clusters)
    closest = np.full(n_clusters, -1, dtype=np.int32)
    own_sizes = np.bincount(head[head >= 0], minlength=n_clusters)
    for other, of_other in zip(others, leaves, strict=True):
        known = (head >= 0) & (other >= 0)
        cells = head[known].astype(np.int64) * len(of_other) + other[known]
        shared = np.bincount(cells, minlength=n_clusters * len(of_other))
        shared = shared.reshape(n_clusters, len(of_other))
        sizes: npt.NDArray[np.int64] = np.bincount(other[other >= 0], minlength=len(of_other))
        overlap = shared / np.maximum(own_sizes[:, None] + sizes - shared, 1)
        found = overlap.argmax(axis=1)
        is_better = overlap.max(axis=1) > best
        closest[is_better] = of_other[found[is_better]]
        best = np.maximum(best, overlap.max(axis=1))
    return closest
