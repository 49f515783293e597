"""What a record keeps of a finished run."""

from pathlib import Path
from typing import Any

from benchmarks.ablations.study import Study
from benchmarks.accuracy.published import SCORES
from ucls.cache import read_graph, read_json
from ucls.metrics.scores import neighbor_statistics
from ucls.neighbors.build import THRESHOLD_OFF
from ucls.runs.labels import known_labels
from ucls.runs.run import Run

IN_METRICS = {"ensemble": "ensemble.chosen"}
"""Parts that ``metrics.json`` calls something else."""

Figures = dict[str, Any]


def measured_split(figures: Figures) -> str:
    """``val`` where its images are labelled, as in the thesis; else ``train``."""
    val = figures["val"]
    return "val" if val is not None and "acc" in val["best_head"] else "train"


def run_figures(path: Path, study: Study) -> Figures:
    """The scores of an evaluated run, and its neighbours.

    Args:
        path: the run folder.
        study: whose parts are wanted.

    Returns:
        ``split``, ``backbones`` and ``neighbors``; for each part ``nmi``, ``acc`` and ``ari`` in
        0..1, of ``heads`` as ``acc_mean`` and ``acc_std``. A part that could not be made is None.
    """
    metrics = read_json(path / "metrics.json")
    split = measured_split(metrics)
    figures: Figures = {"split": split, "backbones": metrics["backbones"]}
    for part in study.parts:
        found = metrics[split].get(IN_METRICS.get(part, part))
        names = [f"{n}_{how}" for n in SCORES for how in ("mean", "std")]
        wanted = names if part == "heads" else SCORES
        figures[part] = None if found is None else {name: found[name] for name in wanted}
    return {**figures, "neighbors": neighbor_figures(path, metrics["train"])}


def neighbor_figures(path: Path, train: Figures) -> Figures:
    """The neighbours that a run was trained with.

    Args:
        path: the run folder.
        train: the figures of its training images, from ``metrics.json``.

    Returns:
        ``k``, ``threshold`` (1: k nearest alone), ``cap`` (None: none), ``capped`` (share of the
        images whose set was cut), ``mean_count``, ``accuracy`` (share of all pairs that are of one
        class) and ``accuracy_above`` (of the pairs above the threshold alone, as in thesis table
        6.16; None without any).
    """
    graph, labels = read_graph(path / "neighbors.h5"), known_labels(Run(path))["train"]
    threshold = THRESHOLD_OFF if graph.threshold is None else graph.threshold
    above = neighbor_statistics(graph, labels, [threshold])[0].accuracy
    return {
        "k": graph.k,
        "threshold": threshold,
        "cap": graph.cap,
        "capped": graph.n_capped / (len(graph.indptr) - 1),
        "mean_count": train["neighbors.mean_count"],
        "accuracy": train["neighbors.accuracy"],
        "accuracy_above": above if threshold < THRESHOLD_OFF else None,
    }


def stage_seconds(path: Path) -> dict[str, float]:
    """Wall time of every stage of a run."""
    stages = read_json(path / "run.json")["stages"]
    return {name: entry["seconds"] for name, entry in stages.items() if "seconds" in entry}
