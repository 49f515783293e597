import shutil
from pathlib import Path

import numpy as np

from tests.conftest import blobs
from tests.ucls.datasets.layouts import write_manifest
from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.runs.labels import by_names, known_labels
from ucls.runs.run import Run
from ucls.settings.config import Config
from ucls.sources import load_source


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


def test_renumbering() -> None:
    labels = np.array([0, 2, 1, -1], np.int32)
    assert by_names(labels, ["x", "y", "z"], ["z", "x"]).tolist() == [1, 0, -1, -1]
    assert by_names(np.array([-1], np.int32), [], []).tolist() == [-1]


def test_they_are_those_of_the_last_start_and_no_others(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    """Other runs and extractions over the same list leave a run's figures alone."""
    paths = sorted(str(path.relative_to(photos.parent)) for path in photos.rglob("*.png"))
    manifest = photos.parent / "relabelled.csv"
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    config = tiny_config.with_values({**pixels, "n_clusters": 3})

    def relabel(name: str) -> None:
        rows = [(path, name if number % 2 else "") for number, path in enumerate(paths)]
        write_manifest(manifest, [("path", "label"), *rows])

    relabel("a")
    run = pipeline.start(str(manifest), out=tmp_path / "a", config=config)
    before = known_labels(run)["train"]
    assert before.tolist() == [0 if number % 2 else -1 for number in range(60)]
    relabel("b")
    pipeline.extract_source(str(manifest), config=config)
    again = Run(tmp_path / "a")
    assert again.data.labels_key == run.data.labels_key
    np.testing.assert_array_equal(known_labels(again)["train"], before)
    renewed = pipeline.start(str(manifest), out=tmp_path / "a", config=config)
    assert renewed.data.labels_key != run.data.labels_key


def test_rows_of_skipped_images_have_no_label(
    photos: Path, tmp_path: Path, tiny_config: Config
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    (folder / "high" / "00.png").write_bytes(b"")
    pixels = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}
    source = load_source(str(folder), labels="folders")
    config = tiny_config.with_values({**pixels, "n_clusters": None})
    run = pipeline.start(source, out=tmp_path / "a", config=config)
    assert np.bincount(known_labels(run)["train"]).tolist() == [19, 20, 20]
