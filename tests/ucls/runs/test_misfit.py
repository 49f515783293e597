from pathlib import Path

import numpy as np
import pytest

from ucls.cache import RunFolder
from ucls.runs.image_labels import read_labels
from ucls.runs.misfit import misfit
from ucls.runs.run import Run


def told(path: Path, features: np.ndarray, probability: float = 1.0) -> str:
    run = Run(path)
    shares = np.full(len(features), probability)
    return misfit(run, read_labels(run), probability=shares, features=np.array_split(features, 3))


@pytest.fixture
def features(sources: Path) -> np.ndarray:
    with np.load(sources / "blobs-val.npz") as file:
        return np.asarray(file["features"])


def test_images_of_the_same_kind(shared_run: Path, features: np.ndarray) -> None:
    before = features.copy()
    assert told(shared_run, features) == ""
    np.testing.assert_array_equal(features, before)


def test_images_of_another_kind(shared_run: Path, features: np.ndarray) -> None:
    assert told(shared_run, -features).startswith("100% of the new images are less like any")


def test_nothing_new(shared_run: Path) -> None:
    run = Run(shared_run)
    assert misfit(run, read_labels(run), probability=np.array([]), features=[]) == ""


def test_improbable_clusters_tell_where_features_are_gone(
    run_path: Path, features: np.ndarray, tmp_path: Path
) -> None:
    folder = RunFolder(run_path)
    gone = {split: {"features": str(tmp_path / "gone.h5")} for split in ("train", "val")}
    folder.update(data={**folder.record["data"], "caches": gone})
    assert told(run_path, -features) == ""
    assert told(run_path, -features, 0.26).startswith("the clusters of 100% of the new images are")
