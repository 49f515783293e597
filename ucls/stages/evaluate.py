"""Stage ``evaluate``: all results of a run to ``metrics.json``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import (
    Assignments,
    read_assignments,
    read_graph,
    read_json,
    read_tensors,
    write_json,
)
from ucls.cache import run_files as files
from ucls.ensemble.label_matrix import compact
from ucls.metrics import scores as metrics
from ucls.progress import SILENT, Reporter
from ucls.runs.baselines import baseline_figures
from ucls.runs.consensus_figures import consensus_figures
from ucls.runs.heads import all_collapsed, heads_of
from ucls.runs.image_labels import read_labels
from ucls.runs.labels import known_labels
from ucls.runs.opening import open_for
from ucls.runs.run import Run
from ucls.runs.scores import balance, scores
from ucls.runs.superclasses import known_levels, level_figures
from ucls.types import Figures, Labels

THRESHOLDS = tuple(round(0.1 * i, 1) for i in range(1, 10))


def evaluate(
    path: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    hierarchy: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> Figures:
    """Measures k-means, the heads, every consensus and self-training, on every split.

    Needs trained heads and a consensus of them; leaves ``metrics.json``. Self-training is left out,
    and said to be, where it was not done on the chosen consensus. Labels are opened to measure,
    here and for the table of ``ucls ensemble``; without them only label-free figures are there.

    Args:
        path: the run folder.
        settings: dotted names to values that replace the run's own from now on.
        hierarchy: the superclasses of the labels, to score against at each level; see
            :func:`ucls.hierarchies.read_levels`. None: they stay until all is measured anew.
        overwrite: do it again even if it is done.
        reporter: shown what happens.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        UclsError: without trained heads, or a consensus of them that is chosen.
        UsageError: if the hierarchy is none of the run's labels.
    """
    run = open_for("evaluate", path, settings=settings, reporter=reporter)
    levels = None if hierarchy is None else known_levels(run, hierarchy)
    chosen = run.consensuses.chosen().name
    if not run.freshness.is_done("self-train"):
        reporter.say(
            f"evaluate: self-training is not done on the chosen consensus, {chosen}, so it is left "
            f"out; run: ucls self-train {path}"
        )
    target = run.folder.file(files.METRICS)
    with run.freshness.work("evaluate", overwrite=overwrite) as todo:
        if todo:
            write_json(target, _metrics(run))
    figures: Figures = read_json(target)
    if levels is not None:
        figures["hierarchy"] = {"file": str(hierarchy), "levels": level_figures(run, levels)}
        with run.folder.lock():
            write_json(target, figures)
    return figures


def _metrics(run: Run) -> Figures:
    labels = known_labels(run)
    assignments, heads = read_assignments(run.folder.file(files.ASSIGNMENTS)), heads_of(run)
    baselines = baseline_figures(run, labels)
    is_self_trained = run.freshness.is_done("self-train")
    results: Figures = {"train": None, "val": None}
    for split in run.splits:
        results[split] = {
            **baselines[split],
            **_heads(heads, split, labels.get(split), trained=assignments.head_clusters),
            **_over_clustering(assignments, split, labels.get(split)),
            **consensus_figures(run, split, labels.get(split)),
            **(_self_training(run, split, labels.get(split)) if is_self_trained else {}),
            **(_corrected(run, split, labels.get(split)) if is_self_trained else {}),
        }
    results["train"].update(_neighbors(run, labels.get("train")))
    return {
        "schema": 1,
        "dataset": run.folder.record["source"]["name"],
        "n_clusters": run.n_clusters,
        "seed": run.config.seed,
        "backbones": run.backbones,
        "collapsed": all_collapsed(run, run.consensuses.chosen().heads),
        **results,
    }


def _heads(
    heads: Assignments, split: str, labels: Labels | None, *, trained: NDArray[np.int32]
) -> Figures:
    """The heads that have as many clusters as wanted, and the best of them.

    The best is one of those that were trained with the fewest clusters; losses of heads of
    different sizes do not compare.
    """
    own = np.flatnonzero(heads.head_clusters == heads.n_clusters)
    alike = own[trained[own] == trained[own].min()]
    best = int(alike[np.argmin(heads.loss[alike])])
    probability = heads.confidence[split].mean(axis=1, dtype=np.float64)
    by_head = {head: scores(labels, heads.labels[split][head]) for head in own.tolist()}
    figures: Figures = {"n_heads": len(own), "mean_probability": float(probability[own].mean())}
    best_figures = {
        "head": best,
        "mean_probability": float(probability[best]),
        **balance(heads.labels[split][best], heads.n_clusters),
    }
    return {
        "best_head": {**by_head[best], **best_figures},
        "heads": {**figures, **_mean_and_std(list(by_head.values()))},
    }


def _over_clustering(assignments: Assignments, split: str, labels: Labels | None) -> Figures:
    """The heads as they were trained, where they have more clusters than wanted, by their number.

    Each cluster stands for its most frequent class (``acc_many_to_one``).
    """
    sizes = assignments.head_clusters
    figures: Figures = {}
    for size in np.unique(sizes[sizes > assignments.n_clusters]).tolist():
        alike = assignments.labels[split][sizes == size]
        by_head = [scores(labels, clusters) for clusters in alike]
        occupied = [balance(clusters, size)["occupied_clusters"] for clusters in alike]
        figures[str(size)] = {
            "n_heads": len(alike),
            "occupied_clusters_mean": float(np.mean(occupied)),
            **_mean_and_std(by_head),
        }
    return {"over_clustering": figures} if figures else {}


def _mean_and_std(by_head: Sequence[Mapping[str, float]]) -> Figures:
    """Mean and standard deviation of each score over some heads."""
    figures: Figures = {}
    for name in by_head[0]:
        values = [score[name] for score in by_head]
        figures |= {f"{name}_mean": float(np.mean(values)), f"{name}_std": float(np.std(values))}
    return figures


def _self_training(run: Run, split: str, labels: Labels | None) -> Figures:
    from ucls.runs.own_labels import label_split

    found = label_split(run, split)
    figures = {
        **scores(labels, found.clusters),
        "mean_confidence": float(found.confidence.mean(dtype=np.float64)),
        "mean_probability": float(found.probability.mean(dtype=np.float64)),
        **balance(found.clusters, run.n_clusters),
    }
    if split == "val" and labels is not None:
        figures["oracle"] = _oracle(run, labels)
    return {"self_training": figures}


def _corrected(run: Run, split: str, labels: Labels | None) -> Figures:
    """The labels as people corrected them; an image that was marked as wrong counts as an error."""
    corrected = read_labels(run)
    if not corrected.is_corrected:
        return {}
    # Numbers may be far apart, and which one is left by a merge tells nothing.
    places = compact(corrected.clusters)[corrected.rows_of(split)]
    n_clusters = len(corrected.sizes())
    return {"corrected": {**scores(labels, places), **balance(places, n_clusters)}}


def _oracle(run: Run, labels: Labels) -> Figures:
    """The candidate that the labels would pick, as in the papers: an upper bound."""
    tensors, metadata = read_tensors(run.folder.file(files.CANDIDATES))
    by_candidate = [scores(labels, clusters) for clusters in tensors["val"]]
    best = int(np.argmax([score["acc"] for score in by_candidate]))
    return {**by_candidate[best], **json.loads(metadata["candidates"])[best]}


def _neighbors(run: Run, labels: Labels | None) -> Figures:
    graph = read_graph(run.folder.file(files.NEIGHBORS))
    figures: Figures = {"neighbors.mean_count": float(graph.mean_count)}
    if labels is not None:
        accuracy = metrics.neighbor_accuracy(graph.indptr, graph.indices, labels)
        figures["neighbors.accuracy"] = accuracy
    thresholds = [t for t in THRESHOLDS if graph.threshold is not None and t > graph.threshold]
    figures["neighbors.by_threshold"] = [
        statistics._asdict()
        for statistics in metrics.neighbor_statistics(graph, labels, thresholds)
    ]
    return figures
