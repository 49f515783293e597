import shutil
from pathlib import Path

import h5py
import pytest

from ucls.cache import RunFolder
from ucls.errors import MismatchError, UsageError
from ucls.runs.run import Run
from ucls.settings.config import Config


def test_a_folder_without_features_yet(tmp_path: Path) -> None:
    RunFolder.begin(tmp_path, source={}, requested=Config().model_dump(mode="json"), stale=())
    with pytest.raises(UsageError, match=r"has no features yet: .* again"):
        Run(tmp_path)


def test_the_resolved_settings_are_in_the_config_file(run_path: Path) -> None:
    run = Run(run_path)
    assert run.folder.read_config() == run.config.model_dump(mode="json", exclude_none=True)
    assert run.config.train.hidden_dim == 64  # was left open


def test_a_feature_cache_that_is_gone(run_path: Path, own_cache: Path) -> None:
    run = Run(run_path)
    run.data.caches["val"] = {"features": str(own_cache / "gone.h5")}
    with pytest.raises(UsageError, match=r"gone\.h5 is gone; run the same `ucls run`"):
        run.features("train")


def test_inputs_are_all_files_it_was_made_of(photo_run_path: Path, photos: Path) -> None:
    run = Run(photo_run_path)
    caches = list(run.caches["train"].values())
    assert {path for path in run.inputs() if path.is_file()} == {*photos.rglob("*.png"), *caches}
    data = {**run.folder.record["data"], "caches": {"train": {"features": "gone.h5"}}}
    run.folder.update(data=data)
    assert list(Run(photo_run_path).inputs()) == [photos, Path("gone.h5")]


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
