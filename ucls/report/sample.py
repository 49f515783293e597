"""A sample of a run's images in which every cluster is seen, for what cannot show them all."""

import numpy as np
from numpy.typing import NDArray

from ucls.runs.preparation import read_preparation
from ucls.runs.run import Run
from ucls.types import Labels

SIZE = 2000
FEW = 5
"""Images that each cluster has in a sample, where it has them and there is room."""


def sample_rows(clusters: Labels, size: int = SIZE, *, seed: int) -> NDArray[np.int64]:
    """Draws rows in proportion to the sizes of their clusters, but a few of each.

    Args:
        clusters: int32 [N]; -1, of images in no cluster, counts as one more.
        size: rows to draw at most; at least 1.
        seed: of the draw.

    Returns:
        Different rows, int64 [min(N, size)], rising. With more clusters than ``size``, the largest
        have one each.
    """
    if len(clusters) <= size:
        return np.arange(len(clusters))
    _, groups, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    random = np.random.default_rng(seed).random(len(clusters))
    order = np.lexsort((random, groups))
    rank = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[groups[order]]
    return np.sort(order[rank < _quotas(sizes, size)[groups[order]]])


def sampled_features(run: Run, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Reads the features of some images of a run and no others.

    Args:
        run: whose features they are.
        rows: rising numbers over all splits, the training images first, int64 [n].

    Returns:
        What the heads see, float32 [n, D].
    """
    parts, start, preparation = [], 0, read_preparation(run)
    for split in run.splits:
        with run.features(split) as features:
            stop = start + len(features)
            own = rows[(rows >= start) & (rows < stop)] - start
            parts.append(preparation.of_array(features.read(run.feature_set, rows=own)))
        start = stop
    return np.concatenate(parts).astype(np.float32, copy=False)


def _quotas(sizes: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """How many of each group of some sizes [G] make up ``total``, fewer than there are."""
    if len(sizes) >= total:
        largest = np.argsort(-sizes, kind="stable")[:total]
        return np.isin(np.arange(len(sizes)), largest).astype(np.int64)
    few = next(few for few in range(FEW, 0, -1) if np.minimum(sizes, few).sum() <= total)
    least = np.minimum(sizes, few)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        too_many = np.maximum(sizes * middle, least).sum() > total
        low, high = (low, middle) if too_many else (middle, high)
    wanted = np.maximum(sizes * low, least)
    quotas: NDArray[np.int64] = np.floor(wanted).astype(np.int64)
    left = total - quotas.sum()
    # What is left goes where most was cut off, never to a group that is taken whole.
    cut_off = np.where(quotas < sizes, wanted - quotas, -1.0)
    quotas[np.argsort(-cut_off, kind="stable")[:left]] += 1
    return quotas
