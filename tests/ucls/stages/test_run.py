import shutil
from pathlib import Path

import h5py
import pytest

from tests.conftest import Lines
from ucls import pipeline
from ucls.cache import RunFolder
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.settings.config import Config
from ucls.settings.presets import preset
from ucls.stages.ensemble import ensemble
from ucls.stages.run import STAGE_FILES, Run
from ucls.stages.train import train


def test_all_stages_of_a_finished_run_are_done(run_path: Path) -> None:
    run = Run(run_path)
    assert all(run.is_done(stage) for stage in STAGE_FILES)
    assert set(run.folder.record["stages"]) == {"extract", *STAGE_FILES}
    for entry in run.folder.record["stages"].values():
        assert entry["status"] == "done"
        assert entry["seconds"] >= 0
        assert entry["peak_memory_mb"] > 1


@pytest.mark.parametrize("stage", [name for name in STAGE_FILES if name != "extract"])
def test_a_stage_without_its_files_is_not_done(run_path: Path, stage: str) -> None:
    for name in STAGE_FILES[stage]:
        (run_path / name).rename(run_path / "aside")
        assert not Run(run_path).is_done(stage)
        (run_path / "aside").rename(run_path / name)


def test_without_merging_the_heads_are_those_of_the_training(run_path: Path) -> None:
    run = Run(run_path)
    assert (run.merges, run.heads_stage) == (True, "merge")
    assert run.consensus_key(run.config.ensemble).startswith(f"{run.key('merge')}-")
    train(run_path, settings={"train.scales": [1], "merge.linkage": "none"})
    run = Run(run_path)
    assert (run.merges, run.heads_stage) == (False, "train")
    assert run.consensus_key(run.config.ensemble).startswith(f"{run.key('train')}-")
    assert run.is_done("merge")
    (run_path / "assignments.h5").unlink()
    assert not run.is_done("merge")
    with pytest.raises(UclsError, match=r"stage train of .* lost a file; run first: ucls train"):
        run.require("merge")


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"merge.linkage": "share"}, {"merge", "ensemble"}),
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
    before = {stage: Run(run_path).key(stage) for stage in stages}
    run = Run(run_path, settings=settings)
    assert {stage for stage in stages if run.key(stage) != before[stage]} == changed


def test_what_another_objective_has_no_use_for_is_dropped_and_named(
    run_path: Path, lines: Lines
) -> None:
    first = {"train.beta": 0.5, "train.teacher_momentum": 0.5, "train.cross_entropy": 0.25}
    Run(run_path, settings=first)
    run = Run(run_path, settings={"train.objective": "scan"}, reporter=lines)
    (said,) = lines.said
    before, _, names = said.partition(": ")
    assert before == "settings without a part from now on"
    assert set(names.split(", ")) == {"train.beta", "train.cross_entropy"}
    assert run.config.train.teacher_momentum == 0.5
    assert Run(run_path).config.train.beta is None
    Run(run_path, settings={"train.objective": "scan"}, reporter=lines)
    assert lines.said == [said]
    back = Run(run_path, settings={"train.objective": "ucls"}, reporter=lines)
    assert (back.config.train.beta, lines.said) == (0.6, [said])


def test_what_is_given_with_the_objective_is_not_dropped(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    with pytest.raises(UsageError, match="beta has no part in the objective scan"):
        Run(run_path, settings={"train.objective": "scan", "train.beta": 0.5})
    with pytest.raises(UsageError, match="objective: input should be 'ucls'"):
        Run(run_path, settings={"train.objective": "dino"})
    assert (run_path / "run.json").read_bytes() == before


def test_a_run_of_a_preset_takes_another_objective(run_path: Path) -> None:
    values = preset("cifar10", objective="ucls")
    keep = {name: value for name, value in values.items() if name.startswith("train.")}
    Run(run_path, settings=keep)
    run = Run(run_path, settings={"train.objective": "turtle"})
    assert (run.config.train.objective, run.config.train.hidden_dim) == ("turtle", None)


def test_a_folder_without_features_yet(tmp_path: Path) -> None:
    RunFolder.begin(tmp_path, source={}, requested=Config().model_dump(mode="json"))
    with pytest.raises(UsageError, match=r"has no features yet: .* again"):
        Run(tmp_path)


def test_the_resolved_settings_are_in_the_config_file(run_path: Path) -> None:
    run = Run(run_path)
    assert run.folder.read_config() == run.config.model_dump(mode="json", exclude_none=True)
    assert run.config.train.batch_size == 64


def test_what_was_fitted_is_told(tmp_path: Path, sources: Path, lines: Lines) -> None:
    config = Config(n_clusters=4)
    pipeline.start(str(sources / "plain.npy"), out=tmp_path / "a", config=config, reporter=lines)
    (told,) = [line for line in lines.said if line.startswith("settings fitted to the data: ")]
    assert "train.batch_size 64" in told
    assert "train.epochs" in told
    assert "n_clusters" not in told


def test_a_feature_cache_that_is_gone(run_path: Path, own_cache: Path) -> None:
    run = Run(run_path)
    run.data.caches["val"] = {"features": str(own_cache / "gone.h5")}
    with pytest.raises(UsageError, match=r"gone\.h5 is gone; run the same `ucls run`"):
        run.features("train")


def test_a_feature_cache_of_other_images(
    run_path: Path, tmp_path: Path, sources: Path, tiny_config: Config
) -> None:
    """Such as one that another run with --overwrite put in its place."""
    run = Run(run_path)
    copies = {
        split: {"features": str(shutil.copy(paths["features"], tmp_path / f"{split}.h5"))}
        for split, paths in run.data.caches.items()
    }
    run.folder.update(data=run.data.model_copy(update={"caches": copies}).model_dump(mode="json"))
    with Run(run_path).features("val") as features:
        assert len(features) == 40
    with h5py.File(copies["train"]["features"], "r+") as file:
        file.attrs["fingerprint"] = "other"
    with pytest.raises(MismatchError, match=r"made of other features .* --overwrite"):
        Run(run_path).features("val")


def test_settings_are_not_changed_while_another_process_is_at_work(run_path: Path) -> None:
    before = (run_path / "run.json").read_bytes()
    with RunFolder(run_path).lock(), pytest.raises(UclsError, match="another process"):
        Run(run_path, settings={"train.beta": 0.5})
    assert (run_path / "run.json").read_bytes() == before


def test_extraction_settings_come_too_late(run_path: Path) -> None:
    before = RunFolder(run_path).record
    with pytest.raises(UsageError, match=r"extract.strict would change the features"):
        Run(run_path, settings={"extract.strict": True})
    assert RunFolder(run_path).record == before


def test_a_lost_entry_is_a_consensus_not_done(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    ensemble(run_path, variant={"method": "vote"})
    assert not Run(run_path).is_done("ensemble")
    ensemble(run_path)
    assert Run(run_path).is_done("ensemble")


def test_a_consensus_that_is_not_chosen_is_not_done(run_path: Path) -> None:
    (run_path / "consensus.h5").unlink()
    ensemble(run_path, split="train")
    run = Run(run_path)
    assert run.chosen_name() is None
    assert not run.is_done("ensemble")
    with pytest.raises(UclsError, match="has no chosen consensus; run first: ucls ensemble"):
        run.chosen_consensus()


def test_finding_a_consensus(run_path: Path) -> None:
    kept = ensemble(run_path, variant={"method": "all"})
    run = Run(run_path)
    for method, name in (("mcla", "mcla"), ("hbgf", "hbgf"), ("all", kept.name)):
        config = run.config.ensemble.model_copy(update={"method": method})
        found = run.find_consensus(config)
        assert found is not None
        assert found.name == name
    other = run.config.ensemble.model_copy(update={"heads": "0-1"})
    assert run.find_consensus(other) is None


def test_only_settings_that_have_a_part_change_the_key(run_path: Path) -> None:
    run = Run(run_path)
    own = run.config.ensemble
    unused = own.model_copy(update={"imbalance": 0.5})
    assert run.consensus_key(unused) == run.consensus_key(own)
    used = own.model_copy(update={"min_jaccard": 0.5})
    assert run.consensus_key(used) != run.consensus_key(own)


def test_the_evaluation_knows_what_is_there(run_path: Path) -> None:
    keys = [Run(run_path).key("evaluate")]
    ensemble(run_path, variant={"method": "vote"}, split="train")
    keys.append(Run(run_path).key("evaluate"))
    ensemble(run_path, variant={"method": "vote"}, split="val")
    keys.append(Run(run_path).key("evaluate"))
    (run_path / "labels.csv").unlink()
    keys.append(Run(run_path).key("evaluate"))
    assert len(set(keys)) == 4


def test_settings_that_a_stage_cannot_start_with_are_not_kept(run_path: Path) -> None:
    Run(run_path, settings={"train.epochs": 7})
    before = (run_path / "run.json").read_bytes(), (run_path / "config.toml").read_bytes()
    with pytest.raises(UclsError, match="run first: ucls train"):
        Run(run_path, after="merge", settings={"train.epochs": 5})
    assert ((run_path / "run.json").read_bytes(), (run_path / "config.toml").read_bytes()) == before
