"""The whole pipeline on scikit-learn's digits, beside other ways to cluster the same pixels."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import AgglomerativeClustering, SpectralClustering

from benchmarks.runner import run_stages
from benchmarks.tables import Table
from ucls.config import Config
from ucls.metrics import clustering_accuracy
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.sources import load_source

ROWS = {
    "k-means": ("kmeans", "acc"),
    "heads, mean": ("heads", "acc_mean"),
    "best head": ("best_head", "acc"),
    "ensemble": ("ensemble.chosen", "acc"),
    "self-training": ("self_training", "acc"),
}


def run_digits(config: Config, folder: Path) -> tuple[dict[str, Any], float]:
    """Figures and seconds of a whole run, in ``seedS``, with a feature cache of its own."""
    started = time.perf_counter()
    run, cache_dir = folder / f"seed{config.seed}", folder / f"cache{config.seed}"
    figures, _ = run_stages(load_source("digits"), config, run, cache_dir=cache_dir)
    return figures, time.perf_counter() - started


def peer_accuracies(run: Path) -> dict[str, float]:
    """ACC of scikit-learn's clusterings on the training features of a run, 0..1."""
    finished = Run(run)
    with finished.features("train") as cache:
        features = cache.read("cls")
    labels = known_labels(finished)["train"]
    peers = {
        "spectral": SpectralClustering(10, affinity="nearest_neighbors", random_state=0),
        "agglomerative": AgglomerativeClustering(10),
    }
    return {
        name: clustering_accuracy(labels, peer.fit_predict(features))
        for name, peer in peers.items()
    }


def digits_table(runs: Sequence[Mapping[str, Any]], peers: Mapping[str, float]) -> Table:
    """ACC per seed and its mean, on the training images and on ``val``."""
    rows = [["train", name, f"{accuracy:.3f}", ""] for name, accuracy in peers.items()]
    for split in ("train", "val"):
        for name, (row, column) in ROWS.items():
            values = [figures[split][row][column] for figures in runs]
            each = " ".join(f"{value:.3f}" for value in values)
            rows.append([split, name, f"{np.mean(values):.3f}", each])
    return Table(["split", "", "mean ACC", "by seed"], rows, n_left=2)
