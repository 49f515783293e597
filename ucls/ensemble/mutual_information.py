"""Normalised mutual information, as cluster ensembles use it (Strehl & Ghosh, 2002)."""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from ucls.ensemble.contingency import count_overlaps
from ucls.progress import Advance, ignore_progress
from ucls.types import Labels


def normalized_mutual_information(first: Labels, second: Labels) -> float:
    """Mutual information over the geometric mean of the entropies (Strehl & Ghosh, eq. 2).

    Args:
        first: compact labels, int32 [N]; images missing (-1) in either are left out.
        second: compact labels, int32 [N].

    Returns:
        0..1. Two clusterings of one cluster each give 1; no common image gives 0.
    """
    overlaps = count_overlaps(first, second)
    n_images = overlaps.counts.sum()
    if n_images == 0:
        return 0.0
    joint = overlaps.counts / n_images
    first_shares = np.bincount(overlaps.rows, weights=joint)
    second_shares = np.bincount(overlaps.columns, weights=joint)
    entropies = _entropy(first_shares), _entropy(second_shares)
    if max(entropies) == 0.0:
        return 1.0
    if min(entropies) == 0.0:
        return 0.0
    independent = first_shares[overlaps.rows] * second_shares[overlaps.columns]
    information = np.sum(joint * np.log(joint / independent))
    return float(np.clip(information / np.sqrt(entropies[0] * entropies[1]), 0.0, 1.0))


def average_nmi(labels: Labels, clustering: Labels) -> float:
    """ANMI: the mean NMI of a clustering to all heads (Strehl & Ghosh, eq. 4).

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        clustering: int32 [N]; -1 is missing.

    Returns:
        0..1.
    """
    return float(np.mean([normalized_mutual_information(head, clustering) for head in labels]))


def centrality(labels: Labels, *, advance: Advance = ignore_progress) -> npt.NDArray[np.float64]:
    """The mean NMI of each head to the other heads.

    Args:
        labels: compact heads, int32 [H, N], H at least 2; -1 is missing.
        advance: told of each pair of heads.

    Returns:
        float64 [H], 0..1.
    """
    n_heads = len(labels)
    total = np.zeros(n_heads)
    for i, j in combinations(range(n_heads), 2):
        nmi = normalized_mutual_information(labels[i], labels[j])
        total[i] += nmi
        total[j] += nmi
        advance(1)
    return total / (n_heads - 1)


def _entropy(shares: npt.NDArray[Any]) -> float:
    """The entropy in nats of shares [k] that sum to 1; zero shares count nothing.

    One cluster is exactly 0, which rounding of the sum might otherwise miss.
    """
    positive = shares[shares > 0]
    if len(positive) == 1:
        return 0.0
    return float(-np.sum(positive * np.log(positive)))
