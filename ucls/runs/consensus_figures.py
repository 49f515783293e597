"""Figures of every consensus in a run."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from ucls.ensemble.alignment import share_in_common
from ucls.ensemble.heads_as_text import format_heads
from ucls.runs.labels import known_labels
from ucls.runs.run import Run
from ucls.runs.scores import balance, scores
from ucls.types import Figures, Labels


def compare_ensembles(path: str | Path) -> dict[str, dict[str, Figures]]:
    """The figures of each consensus, by split and name.

    They are those of ``metrics.json`` with ``seconds``, which no two runs share, and with whether
    it is ``chosen`` and ``best_of_all``.
    """
    run = Run(path)
    labels, entries, chosen = (
        known_labels(run),
        run.consensuses.entries(),
        run.consensuses.chosen_name(),
    )
    compared: dict[str, dict[str, Figures]] = {}
    for split in run.splits:
        figures = consensus_figures(run, split, labels.get(split))
        compared[split] = {
            name: {
                **figures[f"ensemble.{name}"],
                "seconds": entry.seconds.get(split),
                "chosen": name == chosen,
                "best_of_all": bool(entry.best_of),
            }
            for name, entry in entries.items()
            if split in entry.labels
        }
    return compared


def consensus_figures(run: Run, split: str, labels: Labels | None) -> dict[str, Figures]:
    """The figures of each consensus of a split, as ``metrics.json`` holds them."""
    entries = {name: one for name, one in run.consensuses.entries().items() if split in one.labels}
    clusterings = {name: entry.labels[split] for name, entry in entries.items()}
    shared = agreements(clusterings, run.n_clusters)
    figures = {
        f"ensemble.{name}": {
            **scores(labels, entry.labels[split]),
            "anmi": entry.anmi.get(split),
            "anmi_averaging": "geometric",
            "n_heads": len(entry.heads),
            "heads": format_heads(entry.heads),
            "mean_confidence": float(entry.confidence[split].mean(dtype=np.float64)),
            **balance(entry.labels[split], run.n_clusters),
            "agreement": shared[name],
        }
        for name, entry in entries.items()
    }
    chosen = run.consensuses.chosen_name()
    if chosen in entries:
        figures["ensemble.chosen"] = {"method": chosen, **figures[f"ensemble.{chosen}"]}
    return figures


def agreements(clusterings: Mapping[str, Labels], n_clusters: int) -> dict[str, dict[str, float]]:
    """The share of images that each two clusterings treat alike, after the Hungarian method.

    Args:
        clusterings: int32 [N] by name.
        n_clusters: number of clusters, the empty ones included.

    Returns:
        By name, for each other name, 0..1.
    """
    shares: dict[str, dict[str, float]] = {name: {} for name in clusterings}
    for first, second in combinations(clusterings, 2):
        share = share_in_common(clusterings[first], clusterings[second], n_clusters)
        shares[first][second] = shares[second][first] = share
    return shares
