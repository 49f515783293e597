"""One consensus, for a process that does nothing else, so that its peak memory is the method's."""

import time
from typing import Any

import numpy as np

from ucls.ensemble import consensus
from ucls.errors import UclsError


def combine(labels: str, method: str, n_clusters: int, seed: int, out: str) -> dict[str, Any]:
    """Leaves the clustering, int32 [N], in ``out``.

    The labels are read, not mapped: pages of a mapped file would be counted or not as the system
    happens to keep them.

    Args:
        labels: file of the label matrix [H, N], ``.npy``.
        method: its name.
        n_clusters: C.
        seed: of the method.
        out: file that is written, ``.npy``.

    Returns:
        ``seconds`` of the consensus alone, with the imports that it makes, ``anmi`` and
        ``occupied_clusters``; or ``left_out``, which says why there is none.
    """
    matrix = np.load(labels)
    started = time.perf_counter()
    try:
        result = consensus(matrix, n_clusters, method=method, seed=seed)
    except UclsError as error:
        return {"left_out": str(error)}
    seconds = time.perf_counter() - started
    np.save(out, result.labels)
    return {
        "seconds": seconds,
        "anmi": result.anmi,
        "occupied_clusters": result.occupied_clusters,
    }
