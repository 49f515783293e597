"""Figures of every consensus in a run."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls import metrics
from ucls.stages.labels import known_labels
from ucls.stages.run import Run

Labels = NDArray[np.int32]
Figures = dict[str, Any]


def compare_ensembles(path: str | Path) -> dict[str, Figures]:
    """The figures of each consensus on the training images, by name, with ``chosen``."""
    run = Run(path)
    figures = consensus_figures(run, "train", known_labels(run).get("train"))
    chosen = figures.pop("ensemble.chosen")["method"]
    return {
        name: {**row, "chosen": name == chosen}
        for name, row in ((key.partition(".")[2], row) for key, row in figures.items())
    }


def consensus_figures(run: Run, split: str, labels: Labels | None) -> dict[str, Figures]:
    """The figures of each consensus of a split, as ``metrics.json`` holds them."""
    chosen = run.chosen_consensus().name
    figures: dict[str, Figures] = {}
    for name, entry in run.consensuses().items():
        if split not in entry.labels:
            continue
        clusters = entry.labels[split]
        figures[f"ensemble.{name}"] = {
            **scores(labels, clusters),
            "anmi": entry.anmi[split],
            "mean_confidence": float(entry.confidence[split].mean(dtype=np.float64)),
            **balance(clusters, run.n_clusters),
        }
        if name == chosen:
            figures["ensemble.chosen"] = {"method": name, **figures[f"ensemble.{name}"]}
    return figures


def scores(labels: Labels | None, clusters: Labels) -> Figures:
    """Scores against labels; empty without labels."""
    return {} if labels is None else dict(metrics.clustering_metrics(labels, clusters))


def balance(clusters: Labels, n_clusters: int) -> Figures:
    """How evenly the clusters are filled."""
    sizes = metrics.cluster_sizes(clusters, n_clusters)
    return {
        "kl_to_uniform": metrics.kl_to_uniform(clusters, n_clusters),
        "occupied_clusters": int((sizes > 0).sum()),
        "cluster_sizes": sizes.tolist(),
    }
