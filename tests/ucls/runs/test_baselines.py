from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls.errors import UsageError
from ucls.runs import baselines
from ucls.runs.baselines import baseline_figures
from ucls.runs.labels import known_labels
from ucls.runs.opening import open_run
from ucls.runs.run import Run


def test_they_are_measured_once(run_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(run_path)
    first = baseline_figures(run, known_labels(run))
    assert set(first) == {"train", "val"}
    monkeypatch.setattr(baselines, "_measure_baselines", None)
    assert baseline_figures(run, known_labels(run)) == first
    run.folder.file("baselines.json").write_text("{")
    with pytest.raises(UsageError, match=r"baselines\.json is not valid JSON .*; remove it, then"):
        baseline_figures(run, {})


@pytest.mark.parametrize(
    "change", [{"evaluate.knn": 3}, {"seed": 1}, {"n_clusters": 5}, {"self_train.iterations": 9}]
)
def test_they_are_measured_again_with_other_settings(
    run_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, int]
) -> None:
    run = open_run(run_path, settings=change)
    monkeypatch.setattr(baselines, "_measure_baselines", lambda *_: {"new": {}})
    assert baseline_figures(run, {}) == {"new": {}}


def test_without_labels_there_are_no_bounds(run_path: Path) -> None:
    (run_path / "baselines.json").unlink()
    figures = baseline_figures(Run(run_path), {})
    assert set(figures["val"]) == {"kmeans"}
    assert set(figures["val"]["kmeans"]) == {"kl_to_uniform", "occupied_clusters", "cluster_sizes"}


def test_from_disk_kmeans_is_the_same_and_bounds_are_left_out(run_path: Path, lines: Lines) -> None:
    run = Run(run_path, reporter=lines)
    held = baseline_figures(run, known_labels(run))
    (run_path / "baselines.json").unlink()
    run.ask_for(run.requested.with_values({"features_in": "disk"}))
    stored = baseline_figures(run, known_labels(run))
    assert lines.said == [
        "evaluate: features stay on disk, as asked for; k-means is fitted to some of them, k-NN "
        "and the linear probe are left out"
    ]
    assert held["val"].keys() == {"kmeans", "knn", "linear_probe"}
    assert {split: figures["kmeans"] for split, figures in held.items()} == {
        split: figures["kmeans"] for split, figures in stored.items()
    }
    assert stored["val"].keys() == {"kmeans"}
