"""Groups that nothing links, merged by their sizes alone.

Shapes: M leaves.
"""

from heapq import heapify, heappop, heappush

import numpy as np
import numpy.typing as npt

from ucls.merging.links import Matrix


def lightest_first(tree: Matrix, masses: npt.NDArray[np.float64], *, height: float) -> Matrix:
    """Replaces the merges from a height on: always the two lightest groups merge.

    Where nothing links groups their order is chance, and a cut with too few clusters would lump
    large classes together; of small ones it costs least.

    Args:
        tree: in SciPy's format, float64 [M - 1, 4], its heights rising.
        masses: of the leaves, [M].
        height: from which on groups count as unlinked.
    """
    n_leaves = len(masses)
    n_kept = int(np.searchsorted(tree[:, 2], height))
    rows = tree[:n_kept].tolist()
    weights, counts = masses.tolist(), [1.0] * n_leaves
    for first, second, _, count in rows:
        weights.append(weights[int(first)] + weights[int(second)])
        counts.append(count)
    merged = {int(node) for first, second, *_ in rows for node in (first, second)}
    left = [(weight, node) for node, weight in enumerate(weights) if node not in merged]
    heapify(left)
    while len(left) > 1:
        (light, first), (heavy, second) = heappop(left), heappop(left)
        counts.append(counts[first] + counts[second])
        rows.append([min(first, second), max(first, second), tree[-1, 2], counts[-1]])
        heappush(left, (light + heavy, len(counts) - 1))
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
