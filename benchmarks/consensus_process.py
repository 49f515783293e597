"""One consensus, for a process that does nothing else, so that its peak memory is the method's."""

import time
from typing import Any

import numpy as np

from ucls.ensemble import consensus


def combine(labels: str, method: str, n_clusters: int, seed: int, out: str) -> dict[str, Any]:
    """Clusters a label matrix [H, N], ``.npy``, into a file, ``.npy``; seconds with the imports."""
    # Read, not mapped: pages of a mapped file would be counted or not as the system keeps them.
    matrix = np.load(labels)
    started = time.perf_counter()
    result = consensus(matrix, n_clusters, method=method, seed=seed)
    seconds = time.perf_counter() - started
    np.save(out, result.labels)
    found = {"anmi": result.anmi, "occupied_clusters": result.occupied_clusters}
    return {"seconds": seconds, **found}
