from pathlib import Path

import pytest

from tests.conftest import Lines
from ucls.cache import RunFolder, settings_key
from ucls.errors import UclsError
from ucls.runs.catalog import Stage, later_stages, stage_names
from ucls.runs.opening import open_run
from ucls.runs.run import Run
from ucls.stages.ensemble import ensemble
from ucls.stages.merge import merge
from ucls.stages.train import train


def test_all_stages_of_a_finished_run_are_done(run_path: Path) -> None:
    run = Run(run_path)
    assert all(run.freshness.is_done(stage) for stage in stage_names())
    assert set(run.folder.record["stages"]) == set(stage_names())
    for entry in run.folder.record["stages"].values():
        assert entry["status"] == "done"
        assert entry["seconds"] >= 0
        assert entry["peak_memory_mb"] > 1


@pytest.mark.parametrize("stage", later_stages(), ids=lambda stage: stage.name)
def test_a_stage_without_its_files_is_not_done(run_path: Path, stage: Stage) -> None:
    for name in stage.files:
        (run_path / name).rename(run_path / "aside")
        assert not Run(run_path).freshness.is_done(stage.name)
        (run_path / "aside").rename(run_path / name)


def test_results_that_a_stage_makes_those_of_before_are_told(run_path: Path, lines: Lines) -> None:
    train(run_path, settings={"train.epochs": 2}, reporter=lines)
    commands = [f"ucls {name} {run_path}" for name in ("merge", "ensemble", "self-train")]
    assert lines.said[-1].startswith("train: merges.h5, ")
    assert "labels.csv, metrics.json are still those of before, until" in lines.said[-1]
    assert ", ".join(commands) in lines.said[-1]
    merge(run_path, reporter=lines)
    assert "merges.h5" not in lines.said[-1]
    assert "labels.csv" in lines.said[-1]


def test_what_another_process_did_meanwhile_is_kept(run_path: Path, lines: Lines) -> None:
    ours, others = Run(run_path, reporter=lines), RunFolder(run_path)
    entry = others.record["stages"]["evaluate"]
    others.record_stage("evaluate", {**entry, "key": "another"})
    ours.folder.record_stage("merge", ours.folder.record["stages"]["merge"])
    assert RunFolder(run_path).record["stages"]["evaluate"]["key"] == "another"
    others.record_stage("evaluate", {**entry, "status": "failed"})
    late = Run(run_path, reporter=lines)
    others.record_stage("evaluate", entry)
    with late.freshness.work("evaluate") as todo:
        assert not todo
    assert lines.said[-1] == "evaluate: done before with these settings, skipped"


def test_without_merging_the_heads_are_those_of_the_training(run_path: Path) -> None:
    run = Run(run_path)
    assert run.merges
    assert run.consensuses.key(run.config.ensemble).startswith(f"{run.freshness.key('merge')}-")
    train(run_path, settings={"train.scales": [1], "merge.linkage": "none"})
    run = Run(run_path)
    assert not run.merges
    assert run.consensuses.key(run.config.ensemble).startswith(f"{run.freshness.key('train')}-")
    assert run.freshness.is_done("merge")
    (run_path / "assignments.h5").unlink()
    assert not run.freshness.is_done("merge")
    with pytest.raises(UclsError, match=r"stage train of .* lost a file; run first: ucls train"):
        run.freshness.require("merge")


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"merge.linkage": "average"}, {"merge", "ensemble"}),
        ({"train.early_stopping": False}, {"train", "merge", "ensemble"}),
        ({"train.views": "itself"}, {"train", "merge", "ensemble"}),
        ({"train.prior": "soft"}, {"train", "merge", "ensemble"}),
        ({"train.beta": 0.6}, set()),
        ({"ensemble.revote": False}, {"ensemble"}),
        ({"n_clusters": 5}, {"neighbors", "train", "merge", "ensemble"}),
    ],
)
def test_keys_follow_the_settings(
    run_path: Path, settings: dict[str, object], changed: set[str]
) -> None:
    stages = ("neighbors", "train", "merge", "ensemble")
    before = {stage: Run(run_path).freshness.key(stage) for stage in stages}
    run = open_run(run_path, settings=settings)
    assert {stage for stage in stages if run.freshness.key(stage) != before[stage]} == changed


def test_a_lost_entry_is_a_consensus_not_done(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    ensemble(run_path, variant={"method": "vote"})
    assert not Run(run_path).freshness.is_done("ensemble")
    ensemble(run_path)
    assert Run(run_path).freshness.is_done("ensemble")


def test_a_consensus_that_is_not_chosen_is_not_done(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    ensemble(run_path, split="train")
    run = Run(run_path)
    assert run.consensuses.chosen_name() is None
    assert not run.freshness.is_done("ensemble")
    with pytest.raises(UclsError, match="has no chosen consensus; run first: ucls ensemble"):
        run.consensuses.chosen()


def test_the_evaluation_knows_what_is_there(run_path: Path) -> None:
    keys = [Run(run_path).freshness.key("evaluate")]
    ensemble(run_path, variant={"method": "vote"}, split="train")
    keys.append(Run(run_path).freshness.key("evaluate"))
    ensemble(run_path, variant={"method": "vote"}, split="val")
    keys.append(Run(run_path).freshness.key("evaluate"))
    (run_path / "labels.csv").unlink()
    keys.append(Run(run_path).freshness.key("evaluate"))
    assert len(set(keys)) == 4


def test_the_digests_are_those_of_earlier_versions(run_path: Path) -> None:
    """What a digest is of must not change, or finished runs count as stale."""
    run = Run(run_path)
    config, tree = run.config, run.config.model_dump(mode="json")
    extract = settings_key(run.data.cache_key, run.data.classes)
    assert not tree["neighbors"].pop("apart_from")
    assert tree["neighbors"].pop("search") == "auto"
    assert tree["train"].pop("parallel") == "heads"
    neighbors = settings_key(tree["neighbors"], config.features, 4, None, extract)
    used = {name: value for name, value in tree["train"].items() if value is not None}
    train = settings_key(used, 1, config.seed, neighbors)
    assert {name for name, value in tree["merge"].items() if value} == {"linkage"}
    merge = settings_key({"linkage": tree["merge"]["linkage"]}, 4, train)
    chosen = run.consensuses.chosen().key
    assert chosen.startswith(f"{merge}-")
    assert tree["self_train"].pop("outliers") is None
    self_train = settings_key(tree["self_train"], config.seed, chosen)
    entry = ("mcla", chosen, (), ["train", "val"])
    evaluate = settings_key(
        tree["evaluate"], config.seed, run.data.labels_key, [entry], "mcla", self_train
    )
    expected = [extract, neighbors, train, merge, chosen, self_train, evaluate]
    assert [run.freshness.key(stage) for stage in stage_names()] == expected
