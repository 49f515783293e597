"""The whole pipeline on scikit-learn's digits, beside other ways to cluster the same pixels.

Run: python -m benchmarks.digits --seeds 5
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import AgglomerativeClustering, SpectralClustering

from benchmarks.machine import describe_machine
from ucls.metrics.scores import clustering_accuracy
from ucls.pipeline import run
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.settings.config import Config

ROWS = {
    "k-means": ("kmeans", "acc"),
    "heads, mean": ("heads", "acc_mean"),
    "best head": ("best_head", "acc"),
    "ensemble": ("ensemble.chosen", "acc"),
    "self-training": ("self_training", "acc"),
}


def run_seed(seed: int, folder: Path) -> tuple[dict[str, Any], float]:
    """One whole run with default settings; its figures and seconds."""
    started = time.perf_counter()
    finished = run(
        "digits",
        out=folder / f"seed{seed}",
        config=Config(seed=seed),
        cache_dir=folder / f"cache{seed}",
    )
    return finished.figures, time.perf_counter() - started


def peer_accuracies(folder: Path) -> dict[str, float]:
    """Accuracy of scikit-learn's clusterings on the same features."""
    finished = Run(folder / "seed0")
    with finished.features("train") as cache:
        features = cache.read("cls")
    labels = known_labels(finished)["train"]
    spectral = SpectralClustering(10, affinity="nearest_neighbors", random_state=0)
    peers = {"spectral": spectral, "agglomerative": AgglomerativeClustering(10)}
    return {
        name: clustering_accuracy(labels, peer.fit_predict(features))
        for name, peer in peers.items()
    }


def main() -> None:
    """Prints ACC per seed and its mean, on the training images and on ``val``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        results = [run_seed(seed, Path(folder)) for seed in seeds]
        peers = peer_accuracies(Path(folder))
    for name, accuracy in peers.items():
        print(f"train  {name:14} {accuracy:.3f}")
    for split in ("train", "val"):
        for name, (row, column) in ROWS.items():
            values = [figures[split][row][column] for figures, _ in results]
            print(f"{split:5}  {name:14} {np.round(values, 3)} mean {np.mean(values):.3f}")
    seconds = [round(s, 1) for _, s in results]
    print(f"seconds per run (feature extraction included): {seconds}")


if __name__ == "__main__":
    main()
