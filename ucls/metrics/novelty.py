"""Whether new images are of the kind that clusters were found in, told without labels."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

Features = NDArray[np.floating]

LOW = 0.05
"""The share of the known images that count as far from the others."""
MANY = 0.2
"""The share of new images from which on it matters that they are far."""
BY_CHANCE = 1e-3
"""How rarely new images of the same kind may be taken for others."""


def nearest_similarity(
    features: Features, known: Iterable[Features], own: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """The cosine similarity of each row to the most similar known one, float32 [n].

    Args:
        features: [n, d].
        known: all known rows, some at a time: [m, d].
        own: the number of each row among the known ones, which it is not compared with, int64 [n];
            None for rows that are new.
    """
    rows = _unit(features)
    nearest = np.full(len(rows), -1, np.float32)
    start = 0
    for part in known:
        similarity = rows @ _unit(part).T
        if own is not None:
            inside = np.flatnonzero((own >= start) & (own < start + len(part)))
            similarity[inside, own[inside] - start] = -1
        np.maximum(nearest, similarity.max(axis=1, initial=-1), out=nearest)
        start += len(part)
    return nearest


def share_far(new: NDArray[np.floating], known: NDArray[np.floating]) -> float | None:
    """The share of new images [n] that score below all but the lowest of the known ones [m].

    Returns:
        The share, 0..1, if it is so large that images of the same kind would not reach it by
        chance; else None.
    """
    n_far = int(np.count_nonzero(new < np.quantile(known, LOW)))
    share = n_far / max(len(new), 1)
    is_chance = binom.sf(n_far - 1, len(new), LOW) > BY_CHANCE
    return None if is_chance or share < MANY else share


def _unit(features: Features) -> NDArray[np.float32]:
    rows = features.astype(np.float32)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit
