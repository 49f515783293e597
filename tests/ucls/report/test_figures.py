from pathlib import Path

import numpy as np
import pytest

from ucls.metrics.scores import clustering_accuracy
from ucls.report import figures as module
from ucls.report.figures import figures_of, match_classes
from ucls.report.state import RunState
from ucls.runs.run import Run


def test_classes_are_matched_one_to_one() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, -1, 2])
    clusters = np.array([5, 5, 3, 3, 3, 5, 7, 7, -1])
    found = match_classes(labels, clusters, ["a", "b", "c"])
    assert found["clusters"] == [5, 3, 7]
    assert found["counts"] == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]
    first, _, third = found["classes"]
    assert (first["cluster"], first["share"], first["taken_for"]) == (5, pytest.approx(2 / 3), "b")
    assert (third["size"], third["share"]) == (3, pytest.approx(1 / 3))


@pytest.mark.parametrize("seed", range(3))
def test_the_shares_make_up_the_accuracy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, clusters = rng.integers(-1, 5, 300), rng.integers(-1, 7, 300)
    classes = match_classes(labels, clusters, list("abcde"))["classes"]
    right = sum(one["share"] * one["size"] for one in classes)
    assert right / (labels >= 0).sum() == pytest.approx(clustering_accuracy(labels, clusters))


def test_more_classes_than_clusters_leave_some_without() -> None:
    found = match_classes(np.array([0, 1, 2]), np.array([0, 0, 1]), ["a", "b", "c"])
    assert [one["cluster"] for one in found["classes"]].count(None) == 1


def test_a_matrix_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 3)
    assert match_classes(np.array([0, 1]), np.array([0, 1]), ["a", "b"])["counts"] is None


def test_every_figure_of_a_run(shared_run: Path) -> None:
    found = figures_of(RunState.of(Run(shared_run)))
    assert found["results"]["columns"][0] == "train ACC"
    assert found["results"]["rows"][0][0] == "k-means"
    assert len(found["curves"][0]["points"]) == 3
    assert [stage["name"] for stage in found["stages"]][-1] == "evaluate"
    assert "n_clusters = 4" in found["config"]
    assert found["commands"][0].startswith("ucls run ")


def test_figures_that_are_out_of_date_are_left_out(run_path: Path) -> None:
    (run_path / "metrics.json").unlink()
    assert figures_of(RunState.of(Run(run_path)))["results"] is None
