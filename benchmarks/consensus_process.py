"""One consensus in a process that does nothing else, so that its peak memory is the method's.

Run by ``benchmarks.ensembles``: python -m benchmarks.consensus_process --help
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from ucls.ensemble import consensus
from ucls.errors import UclsError
from ucls.usage import measure


def run_method(labels: Path, method: str, n_clusters: int, *, seed: int, out: Path) -> Any:
    """Leaves the clustering in ``out``; its figures, or why there is none, as JSON can hold them.

    The labels are read, not mapped: pages of a mapped file would be counted or not as the system
    happens to keep them.
    """
    with measure() as usage:
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
        "gigabytes": usage.peak_memory_mb * 2**20 / 1e9,
        "anmi": result.anmi,
        "occupied_clusters": result.occupied_clusters,
    }


def main() -> None:
    """Prints the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path, help="label matrix [H, N], .npy")
    parser.add_argument("method")
    parser.add_argument("n_clusters", type=int)
    parser.add_argument("out", type=Path, help="where the clustering [N] goes, .npy")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    figures = run_method(args.labels, args.method, args.n_clusters, seed=args.seed, out=args.out)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
