from pathlib import Path

import numpy as np

from benchmarks.ablations.figures import measured_split, run_figures, stage_seconds
from benchmarks.ablations.studies import COMPONENTS, SWEEP
from ucls.cache import read_graph, read_json
from ucls.runs.labels import known_labels
from ucls.runs.run import Run


def test_scores_are_those_of_val(shared_run: Path) -> None:
    val = read_json(shared_run / "metrics.json")["val"]
    figures = run_figures(shared_run, COMPONENTS)
    assert figures["split"] == "val"
    assert figures["best_head"]["acc"] == val["best_head"]["acc"]
    assert figures["ensemble"]["nmi"] == val["ensemble.chosen"]["nmi"]
    assert figures["self_training"]["ari"] == val["self_training"]["ari"]
    assert "heads" not in figures
    heads = run_figures(shared_run, SWEEP)["heads"]
    assert (heads["acc_mean"], heads["acc_std"]) == (
        val["heads"]["acc_mean"],
        val["heads"]["acc_std"],
    )


def test_without_labels_of_val_those_of_train_count(shared_run: Path) -> None:
    metrics = read_json(shared_run / "metrics.json")
    assert measured_split({**metrics, "val": None}) == "train"
    assert measured_split({**metrics, "val": {"best_head": {"head": 0}}}) == "train"


def test_a_part_that_is_not_there_is_none(run_path: Path) -> None:
    path = run_path / "metrics.json"
    path.write_text(path.read_text().replace("ensemble.chosen", "ensemble.other"))
    assert run_figures(run_path, COMPONENTS)["ensemble"] is None


def test_neighbors_are_measured_against_labels(shared_run: Path) -> None:
    """Pair by pair; similarities are stored in float16."""
    graph = read_graph(shared_run / "neighbors.h5")
    labels = known_labels(Run(shared_run))["train"]
    pairs = [
        (labels[i] == labels[j], similarity > graph.threshold)
        for i in range(graph.n_images)
        for j, similarity in zip(
            graph.indices[graph.indptr[i] : graph.indptr[i + 1]],
            graph.similarity[graph.indptr[i] : graph.indptr[i + 1]].astype(np.float32),
            strict=True,
        )
    ]
    found = run_figures(shared_run, SWEEP)["neighbors"]
    assert found["mean_count"] == len(pairs) / graph.n_images
    assert np.isclose(found["accuracy"], np.mean([right for right, _ in pairs]))
    assert np.isclose(found["accuracy_above"], np.mean([right for right, above in pairs if above]))
    assert found["capped"] == graph.n_capped / graph.n_images


def test_every_stage_has_its_seconds(shared_run: Path) -> None:
    seconds = stage_seconds(shared_run)
    assert {"neighbors", "train", "ensemble", "self-train", "evaluate"} <= set(seconds)
    assert all(value >= 0 for value in seconds.values())
