"""What clusters shall meet beside holding images that are linked.

Shapes: N images, H heads, C' clusters of a head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ucls.types import Labels


class Wishes(NamedTuple):
    """What is wished for."""

    min_size: int = 0
    """Images of a cluster at least; smaller ones join the nearest, and fewer are left."""
    known: Labels | None = None
    """A label of each image, int32 [N], -1 where it is not known: images of one label belong into
    one cluster, those of different labels into different ones."""

    @property
    def are_any(self) -> bool:
        """Whether anything is wished for."""
        return self.min_size > 0 or self.known is not None


NO_WISHES = Wishes()


def majority_labels(by_head: Labels, known: Labels, head_clusters: Sequence[int]) -> Labels:
    """The label that more than half of the known images of each cluster have.

    Args:
        by_head: the clusters of the heads, int32 [H, N]; -1 is missing.
        known: the label of each image, int32 [N]; -1 is none.
        head_clusters: C' of each head.

    Returns:
        Head after head, int32 [sum of C']; -1 where there is none.
    """
    found = []
    for clusters, size in zip(by_head, head_clusters, strict=True):
        counts = np.zeros((size, max(known.max(initial=-1) + 1, 1)), dtype=np.int64)
        is_both = (clusters >= 0) & (known >= 0)
        np.add.at(counts, (clusters[is_both], known[is_both]), 1)
        is_most = 2 * counts.max(axis=1) > counts.sum(axis=1)
        found.append(np.where(is_most, counts.argmax(axis=1), -1))
    return np.concatenate(found).astype(np.int32)
