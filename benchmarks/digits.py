"""The whole pipeline on scikit-learn's digits."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runner import run_stages
from ucls.config import Config
from ucls.report.table import Table
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


def digits_table(runs: Sequence[Mapping[str, Any]]) -> Table:
    """ACC per seed and its mean, on the training images and on ``val``."""
    rows = []
    for split in ("train", "val"):
        for name, (row, column) in ROWS.items():
            values = [figures[split][row][column] for figures in runs]
            each = " ".join(f"{value:.3f}" for value in values)
            rows.append([split, name, f"{np.mean(values):.3f}", each])
    return Table(["split", "", "mean ACC", "by seed"], rows, n_left=2)
