from pathlib import Path

import numpy as np

from ucls.cache import RunFolder
from ucls.stages.consensus_figures import balance, compare_ensembles, consensus_figures, scores
from ucls.stages.run import Run

HALVES = np.array([0, 0, 1, 1], dtype=np.int32)


def test_scores_need_labels() -> None:
    assert scores(None, HALVES) == {}
    assert scores(HALVES, 1 - HALVES)["acc"] == 1.0


def test_balance() -> None:
    assert balance(HALVES, 2) == {
        "kl_to_uniform": 0.0,
        "occupied_clusters": 2,
        "cluster_sizes": [len(HALVES) // 2] * 2,
    }
    uneven = balance(np.zeros(4, dtype=np.int32), 2)
    assert uneven["occupied_clusters"] == 1
    assert uneven["kl_to_uniform"] > 0.6


def test_the_chosen_one_is_there_twice(shared_run: Path) -> None:
    figures = consensus_figures(Run(shared_run), "val", None)
    assert figures["ensemble.chosen"] == {"method": "mcla", **figures["ensemble.mcla"]}
    assert sum(figures["ensemble.mcla"]["cluster_sizes"]) == 40
    assert "acc" not in figures["ensemble.mcla"]


def test_comparing(shared_run: Path) -> None:
    (row,) = compare_ensembles(shared_run).values()
    assert row["chosen"] is True
    assert 0 <= row["acc"] <= 1


def test_a_run_is_compared_without_its_feature_cache(run_path: Path) -> None:
    folder = RunFolder(run_path)
    gone = {split: {"features": "gone.h5"} for split in folder.record["data"]["caches"]}
    folder.update(data={**folder.record["data"], "caches": gone})
    figures = compare_ensembles(run_path)["mcla"]
    assert figures["chosen"]
    assert "anmi" in figures
    assert "acc" in figures
