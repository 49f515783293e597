from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ucls.cache import FeatureCacheWriter, FeatureSpec, open_cache
from ucls.extraction.again import largest_difference
from ucls.images.feature_files import FeatureArray, load_features


@pytest.fixture(params=[1.0, 1e-30])
def images(sources: Path, request: pytest.FixtureRequest) -> FeatureArray:
    images = load_features(sources / "plain.npy")
    return replace(images, features=images.features * np.float32(request.param))


@pytest.fixture
def path(images: FeatureArray, tmp_path: Path) -> Path:
    """The cache of a feature file, without its image 1."""
    spec = FeatureSpec(
        dataset="plain", split="train", fingerprint=images.fingerprint, backbone="features",
        weights_hash="none", timm_version="none", image_size=0, channels=0, crop="none",
        interpolation="none", mean=(), std=(), dtype="float32", n_layers=1, n_features=8,
        has_patch_mean=False,
    )  # fmt: skip
    features = np.array(images.features)[None, :, None]
    with FeatureCacheWriter(tmp_path / "x.h5", spec, len(images)) as writer:
        writer.append(features[:, :1], None, images.paths[:1])
        writer.skip(images.paths[1], "broken")
        writer.append(features[:, 2:], None, images.paths[2:])
        writer.finish()
    return tmp_path / "x.h5"


def test_equal_features_do_not_differ(path: Path, images: FeatureArray) -> None:
    with open_cache(path) as cache:
        assert largest_difference(cache, images, np.arange(len(cache))) == 0


def test_the_difference_is_a_share_of_the_largest_value(path: Path, images: FeatureArray) -> None:
    features = images.features.copy()
    largest = np.abs(features[5]).max()
    features[5, 2] += largest / 4
    features[7, 0] += 100 * largest
    changed = replace(images, features=features)
    with open_cache(path) as cache:
        rows = np.array([0, 4])  # images 0 and 5, as image 1 was skipped
        assert largest_difference(cache, changed, rows) == pytest.approx(0.25, rel=1e-5)
