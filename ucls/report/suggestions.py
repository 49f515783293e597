"""What to look at first: clusters that seem mixed, that may be one, that may be two."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.report.separation import Separation
from ucls.report.state import RunState

MIXED_BELOW = 0.75
"""Mean confidence of a cluster."""
LIKE_ONE_ABOVE = 0.6
"""Normalised cut of a pair, over that between the parts of a usual cluster."""
LEAST_CUT = 0.1
"""Normalised cut below which no two clusters are like one, whatever the parts of others have."""
LIKE_TWO_BELOW = 0.1
"""Normalised cut between the parts of a cluster."""
FEWEST = 10
"""Images of a cluster that anything is said of."""
MOST = 10
"""Suggestions of a kind."""


class Suggestions(NamedTuple):
    """Numbers of clusters, those to look at first leading."""

    mixed: list[int]
    like_one: list[tuple[int, int]]
    """Pairs of which none is named twice."""
    like_two: list[int]


def suggest(state: RunState, found: Separation) -> Suggestions:
    """Finds them."""
    numbers, sizes = state.numbers, state.labels.sizes()
    is_large = np.array([sizes[number] >= FEWEST for number in numbers], dtype=np.bool_)
    sure = state.mean_by_cluster(state.labels.confidence)
    mixed = [i for i in np.argsort(sure).tolist() if is_large[i] and sure[i] < MIXED_BELOW]
    apart = np.argsort(found.inner_cuts).tolist()
    like_two = [i for i in apart if is_large[i] and found.inner_cuts[i] < LIKE_TWO_BELOW]
    return Suggestions(
        mixed=[numbers[i] for i in mixed[:MOST]],
        like_one=[(numbers[i], numbers[j]) for i, j in _pairs(found, is_large)],
        like_two=[numbers[i] for i in like_two[:MOST]],
    )


def _pairs(found: Separation, is_large: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The pairs that are least separate, each cluster in one of them at most."""
    usual = np.median(np.minimum(found.inner_cuts, 1.0)) if len(found.inner_cuts) else 1.0
    cuts = np.where(np.outer(is_large, is_large), np.triu(found.cuts, 1), 0.0)
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for cell in np.argsort(-cuts, axis=None)[: MOST * len(cuts)].tolist():
        first, second = divmod(cell, len(cuts))
        if cuts[first, second] < max(LIKE_ONE_ABOVE * usual, LEAST_CUT) or len(pairs) == MOST:
            break
        if not taken & {first, second}:
            pairs.append((first, second))
            taken |= {first, second}
    return pairs
