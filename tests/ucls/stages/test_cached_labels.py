from pathlib import Path

import numpy as np

from tests.conftest import Lines
from tests.ucls.datasets.layouts import write_manifest
from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.config import Config
from ucls.sources import load_source
from ucls.stages.cached_labels import labels_to_cache, renew_labels

PIXELS = {"extract.backbone": "pixels", "extract.image_size": 4, "extract.workers": 0}


def test_sub_folders_are_kept_as_labels_for_later(photos: Path) -> None:
    labels, names = labels_to_cache(load_source(str(photos)).splits["train"])
    assert labels is not None
    assert names == ("high", "left", "plain")
    assert np.bincount(labels).tolist() == [20, 20, 20]


def test_images_outside_of_sub_folders_have_none(photos: Path) -> None:
    assert labels_to_cache(load_source(str(photos / "high")).splits["train"]) == (None, ())


def test_only_other_labels_are_renewed(photos: Path, lines: Lines) -> None:
    paths = sorted(path.relative_to(photos.parent) for path in photos.rglob("*.png"))
    manifest = photos.parent / "renewed.csv"

    def images(label: str):  # type: ignore[no-untyped-def]
        write_manifest(manifest, [("path", "label"), *((str(path), label) for path in paths)])
        return load_source(str(manifest))

    source = images("a")
    (path,) = pipeline.extract_source(source, config=Config().with_values(PIXELS))["train"].values()
    renew_labels(path, source.splits["train"], reporter=lines)
    renew_labels(path, images("").splits["train"], reporter=lines)
    assert lines.said == []
    renew_labels(path, images("b").splits["train"], reporter=lines)
    assert lines.said == ["extract: the labels of train have changed, and are renewed"]
    with FeatureCache(path) as cache:
        assert cache.class_names() == ["b"]
