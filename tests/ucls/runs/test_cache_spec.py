from dataclasses import replace
from pathlib import Path

import pytest

from ucls import pipeline
from ucls.cache import FeatureCache
from ucls.errors import MismatchError
from ucls.extraction.same_images import OtherImagesError
from ucls.runs.cache_spec import MODEL_FIELDS, check_cache, expected_spec, identity
from ucls.settings.config import Config, ExtractConfig
from ucls.settings.extraction import resolve_extractions
from ucls.sources import load_source


def extracted(sources: Path, folder: Path) -> tuple[Path, ExtractConfig, object]:
    source = load_source(str(sources / "blobs.npz"))
    (config,) = resolve_extractions(Config(), source).values()
    caches = pipeline.extract_source(source, cache_dir=folder)
    return caches["train"]["features"], config, source.splits["train"]


def no_model(precision: str) -> None:
    raise AssertionError("features need no model")


def test_a_cache_made_just_now_is_what_is_expected(sources: Path, tmp_path: Path) -> None:
    path, config, images = extracted(sources, tmp_path)
    check_cache(path, images, config, build=no_model)
    with FeatureCache(path) as cache:
        known = {name: getattr(cache.spec, name) for name in MODEL_FIELDS}
        assert replace(identity(config, images), **known) == cache.spec
    assert expected_spec(config, images, None) == identity(config, images)


def test_what_another_cache_lacks_is_told(sources: Path, tmp_path: Path) -> None:
    path, config, images = extracted(sources, tmp_path)
    with pytest.raises(OtherImagesError):
        check_cache(path, replace(images, fingerprint="other"), config, build=no_model)
    other = config.model_copy(update={"weights": (str(tmp_path / "weights.pth"),)})
    with pytest.raises(MismatchError, match="dataset"):
        check_cache(path, replace(images, name="other"), other, build=lambda precision: None)
