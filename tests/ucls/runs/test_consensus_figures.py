from pathlib import Path

import numpy as np

from ucls.cache import RunFolder
from ucls.runs.consensus_figures import agreements, compare_ensembles, consensus_figures
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble

HALVES = np.array([0, 0, 1, 1], dtype=np.int32)


def test_agreements_do_not_depend_on_names() -> None:
    quarters = np.array([0, 1, 2, 2], dtype=np.int32)
    shares = agreements({"a": HALVES, "b": 1 - HALVES, "c": quarters}, 3)
    assert shares == {
        "a": {"b": 1, "c": 0.75},
        "b": {"a": 1, "c": 0.75},
        "c": {"a": 0.75, "b": 0.75},
    }
    assert agreements({"a": HALVES}, 2) == {"a": {}}


def test_the_chosen_one_is_there_twice(shared_run: Path) -> None:
    figures = consensus_figures(Run(shared_run), "val", None)
    assert figures["ensemble.chosen"] == {"method": "mcla", **figures["ensemble.mcla"]}
    assert sum(figures["ensemble.mcla"]["cluster_sizes"]) == 40
    assert "acc" not in figures["ensemble.mcla"]


def test_what_is_told_of_each(run_path: Path) -> None:
    ensemble(run_path, variant={"method": "vote", "heads": "0,2-4"})
    figures = consensus_figures(Run(run_path), "train", None)["ensemble.vote[0,2-4]"]
    assert (figures["n_heads"], figures["heads"]) == (4, "0,2-4")
    assert figures["anmi_averaging"] == "geometric"
    assert 0 < figures["anmi"] < 1
    assert list(figures["agreement"]) == ["mcla"]


def test_comparing(run_path: Path) -> None:
    kept = ensemble(run_path, variant={"method": "all"})
    ensemble(run_path, variant={"method": "vote", "heads": "0-1"}, split="val")
    compared = compare_ensembles(run_path)
    assert compared["val"].keys() - compared["train"].keys() == {"vote[0-1]"}
    for rows in compared.values():
        assert [name for name, row in rows.items() if row["chosen"]] == ["mcla"]
        assert [name for name, row in rows.items() if row["best_of_all"]] == [kept.name]
        for name, row in rows.items():
            assert set(row["agreement"]) == set(rows) - {name}
            assert 0 <= row["acc"] <= 1
            assert row["seconds"] > 0


def test_a_run_is_compared_without_its_feature_cache(run_path: Path) -> None:
    folder = RunFolder(run_path)
    gone = {split: {"features": "gone.h5"} for split in folder.record["data"]["caches"]}
    folder.update(data={**folder.record["data"], "caches": gone})
    figures = compare_ensembles(run_path)["train"]["mcla"]
    assert figures["chosen"]
    assert "anmi" in figures
    assert "acc" in figures
