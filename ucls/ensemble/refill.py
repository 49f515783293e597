"""Filling empty clusters of a consensus."""

import numpy as np
import numpy.typing as npt

from ucls.types import Labels


def refill(labels: Labels, confidence: npt.NDArray[np.float32], n_clusters: int) -> Labels:
    """Gives each empty cluster the half of the largest cluster that is least sure.

    Args:
        labels: int32 [N] in -1..n_clusters-1; -1 is missing.
        confidence: float32 [N]; ties go to the later image.
        n_clusters: clusters that are wanted.

    Returns:
        int32 [N]. A cluster stays empty only if no cluster has two images left to share.
    """
    filled = labels.copy()
    sizes = np.bincount(filled + 1, minlength=n_clusters + 1)[1:]
    for empty in np.flatnonzero(sizes == 0):
        largest = sizes.argmax()
        members = np.flatnonzero(filled == largest)
        n_moved = len(members) // 2
        least_sure = members[::-1][np.argsort(confidence[members[::-1]], kind="stable")[:n_moved]]
        filled[least_sure] = empty
        sizes[largest] -= n_moved
        sizes[empty] = n_moved
    return filled
