from pathlib import Path

import numpy as np
import pytest

from ucls.metrics.scores import clustering_accuracy
from ucls.report import figures as module
from ucls.report.figures import figures_of
from ucls.report.state import RunState
from ucls.runs.labels import known_labels
from ucls.runs.run import Run


def test_each_class_tells_its_cluster_and_what_it_is_taken_for(shared_run: Path) -> None:
    state = RunState.of(Run(shared_run))
    found = figures_of(state)["confusion"]
    truth = known_labels(state.run)
    labels = np.concatenate([truth["train"], truth["val"]])
    right = sum(one["share"] * one["size"] for one in found["classes"])
    assert right / 160 == pytest.approx(clustering_accuracy(labels, state.labels.clusters))
    assert sum(map(sum, found["counts"])) == 160
    for place, one in enumerate(found["classes"]):
        assert one["cluster"] == found["clusters"][place]
        assert one["share"] == pytest.approx(found["counts"][place][place] / one["size"])
        assert one["share"] + one["taken_share"] <= 1


def test_a_matrix_too_large_is_left_out(shared_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 3)
    assert figures_of(RunState.of(Run(shared_run)))["confusion"]["counts"] is None


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
