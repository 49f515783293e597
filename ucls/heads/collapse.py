"""Heads that have collapsed: that use few of their clusters."""

from collections.abc import Iterable

import numpy as np

from ucls.types import IntArray

SMALLEST_SHARE_FILLED = 0.5
SMALLEST_SHARE_EFFECTIVE = 0.25
"""Of the clusters: the exponential of the entropy of their sizes, which is C for equal ones."""


def collapse_reason(head: IntArray, n_clusters: int) -> str | None:
    """Why a head counts as collapsed, None if it does not; labels [N] in -1..n_clusters-1."""
    sizes = np.bincount(head[head >= 0], minlength=n_clusters)
    n_filled = np.count_nonzero(sizes)
    if n_filled < SMALLEST_SHARE_FILLED * n_clusters:
        return f"fills {n_filled} of {n_clusters} clusters"
    shares = sizes[sizes > 0] / sizes.sum()
    n_effective = np.exp(-np.sum(shares * np.log(shares)))
    if n_effective < SMALLEST_SHARE_EFFECTIVE * n_clusters:
        return f"is as uneven as {n_effective:.1f} equal clusters of {n_clusters}"
    return None


def collapsed_heads(labels: IntArray, head_clusters: Iterable[int]) -> dict[int, str]:
    """The heads that have collapsed, each with the reason.

    Args:
        labels: [H, N]; -1 is missing.
        head_clusters: clusters of each head. Fewer images than these are no collapse.
    """
    reasons = {
        head: collapse_reason(row, min(n_clusters, labels.shape[1]))
        for head, (row, n_clusters) in enumerate(zip(labels, head_clusters, strict=True))
    }
    return {head: reason for head, reason in reasons.items() if reason is not None}
