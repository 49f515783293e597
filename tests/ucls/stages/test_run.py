import shutil
from pathlib import Path

import h5py
import pytest

from tests.conftest import Lines
from ucls import pipeline
from ucls.cache import RunFolder
from ucls.config import Config
from ucls.errors import MismatchError, UclsError, UsageError
from ucls.stages.ensemble import ensemble
from ucls.stages.run import STAGE_FILES, Run


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
