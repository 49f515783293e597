"""A neighbour graph in a process that does nothing else, so that its peak memory is the graph's.

Run by ``benchmarks.speed.neighbors``: python -m benchmarks.speed.neighbors_process FILE.npy CAP
"""

import json
import sys
from pathlib import Path

import numpy as np

from ucls.neighbors.build import build_neighbors
from ucls.usage import measure

K, THRESHOLD = 50, 0.3
"""Of the thesis (5.2.5)."""


def figures_of(path: Path, cap: int) -> dict[str, float]:
    """Seconds, the graph's size, and the peak of the process, in megabytes of 10^6 bytes."""
    features = np.load(path)
    with measure() as usage:
        graph = build_neighbors(features, k=K, threshold=THRESHOLD, cap=cap)
    size = sum(array.nbytes for array in (graph.indptr, graph.indices, graph.similarity))
    return {
        "seconds": usage.seconds,
        "mean_count": graph.mean_count,
        "graph_mb": size / 1e6,
        "features_mb": features.nbytes / 1e6,
        "peak_mb": usage.peak_memory_mb * 2**20 / 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(figures_of(Path(sys.argv[1]), int(sys.argv[2]))))
