from pathlib import Path

import numpy as np

from tests.conftest import blobs
from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.config import Config
from ucls.sources import load_source
from ucls.stages.labels import known_labels
from ucls.stages.run import Run


def test_the_labels_of_every_split(shared_run: Path) -> None:
    found = known_labels(Run(shared_run))
    assert list(found) == ["train", "val"]
    np.testing.assert_array_equal(found["train"], blobs(120, 0)[1])
    np.testing.assert_array_equal(found["val"], blobs(40, 1)[1])


def test_labels_that_are_not_wanted_are_not_there(
    photos: Path, shared_photo_run: Path, tmp_path: Path
) -> None:
    assert len(known_labels(Run(shared_photo_run))["train"]) == 60
    config = Config(n_clusters=3).with_values({"extract.backbone": "pixels", "extract.workers": 0})
    run = pipeline.start(str(photos), out=tmp_path / "a", config=config)
    with FeatureCache(Path(run.data.caches["train"]["pixels"])) as cache:
        assert cache.labels() is not None
    assert known_labels(run) == {}


def test_classes_of_both_splits_get_the_same_numbers(tmp_path: Path) -> None:
    features = np.eye(6, dtype=np.float32)
    train = ["b", "c", "a", "b", "c", "a"]
    np.savez(tmp_path / "x.npz", features=features, labels=np.array(train))
    np.savez(tmp_path / "y.npz", features=features[:2], labels=np.array(["c", "b"]))
    run = pipeline.start(
        load_source(str(tmp_path / "x.npz"), val=str(tmp_path / "y.npz")), out=tmp_path / "a"
    )
    found = known_labels(run)
    assert run.n_clusters == 3
    assert found["train"].tolist() == [1, 2, 0, 1, 2, 0]
    assert found["val"].tolist() == [2, 1]
