from dataclasses import replace

import numpy as np
import pytest

from ucls.cache import FeatureCacheWriter, FeatureSpec
from ucls.errors import MismatchError, UsageError
from ucls.runs.features import Classes, SplitFeatures

N_IMAGES = 8
NAMES = ["ash", "bee", "cat", "dog"]
LABELS = np.array([0, 1, 2, 3, 3, 2, -1, 0])
SPEC = FeatureSpec(
    dataset="x", split="train", fingerprint="f", backbone="a", weights_hash="w",
    timm_version="1", image_size=8, channels=3, crop="center 1.0", interpolation="bicubic",
    mean=(), std=(), dtype="float16", n_layers=2, n_features=3, has_patch_mean=True,
)  # fmt: skip


def write(path, spec=SPEC, *, prefix="", labels=LABELS):
    rng = np.random.default_rng(spec.n_features)
    cls = rng.normal(size=(1, N_IMAGES, spec.n_layers, spec.n_features)).astype(np.float16)
    patch_mean = rng.normal(size=(1, N_IMAGES, spec.n_features)).astype(np.float16)
    with FeatureCacheWriter(path, spec, N_IMAGES) as writer:
        writer.append(cls, patch_mean, [f"{prefix}{row}.jpg" for row in range(N_IMAGES)])
        if labels is not None:
            writer.write_labels(labels, NAMES)
        writer.finish()
    return cls[0, :, -1].astype(np.float32), patch_mean[0].astype(np.float32)


@pytest.fixture
def one(tmp_path):
    write(tmp_path / "a.h5")
    return {"a": tmp_path / "a.h5"}


def test_one_cache_as_it_is(tmp_path):
    cls, patch_mean = write(tmp_path / "a.h5")
    with SplitFeatures({"a": tmp_path / "a.h5"}) as features:
        assert len(features) == N_IMAGES
        np.testing.assert_array_equal(features.read("cls"), cls)
        np.testing.assert_array_equal(features.read("cls@a"), cls)
        both = features.read("cls+patch", dtype=features.dtype)
        assert both.dtype == np.float16
        np.testing.assert_array_equal(both, np.hstack([cls, patch_mean]))
        assert features.paths() == [f"{row}.jpg" for row in range(N_IMAGES)]
        assert features.image_numbers().tolist() == list(range(N_IMAGES))


def test_some_rows_alone(one):
    rows = np.array([5, 0, 7])
    with SplitFeatures(one) as features:
        np.testing.assert_array_equal(features.read("cls", rows=rows), features.read("cls")[rows])
    with SplitFeatures(one, classes=Classes(kept=("bee", "dog"))) as features:
        whole = features.read("cls")
        assert len(whole) == 3
        np.testing.assert_array_equal(features.read("cls", rows=np.array([2, 0])), whole[[2, 0]])


def test_several_caches_side_by_side(tmp_path):
    cls_a, mean_a = write(tmp_path / "a.h5")
    cls_b, _ = write(tmp_path / "b.h5", replace(SPEC, backbone="b", n_features=5))
    with SplitFeatures({"a": tmp_path / "a.h5", "b": tmp_path / "b.h5"}) as features:
        values = features.read("cls+patch@a,cls@b")
        assert [spec.n_features for spec in features.specs.values()] == [3, 5]
    parts = [np.hstack([cls_a, mean_a]), cls_b]
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    np.testing.assert_allclose(values, np.hstack(unit), rtol=1e-5)


def write_views(path, n_views, *, spec=SPEC):
    rng = np.random.default_rng(n_views)
    shape = (n_views, N_IMAGES, spec.n_layers, spec.n_features)
    cls = rng.normal(size=shape).astype(np.float16)
    patch_mean = rng.normal(size=(n_views, N_IMAGES, spec.n_features)).astype(np.float16)
    with FeatureCacheWriter(path, replace(spec, n_views=n_views), N_IMAGES) as writer:
        writer.append(cls, patch_mean, [f"{row}.jpg" for row in range(N_IMAGES)])
        writer.write_labels(LABELS, NAMES)
        writer.finish()
    return np.concatenate([cls[:, :, -1], patch_mean], axis=2).astype(np.float32)


def test_augmented_views(tmp_path):
    views = write_views(tmp_path / "a.h5", 3)
    with SplitFeatures({"a": tmp_path / "a.h5"}) as features:
        assert features.n_views == 3
        for view in range(3):
            np.testing.assert_array_equal(features.read("cls+patch", view=view), views[view])
        np.testing.assert_array_equal(features.read("cls+patch"), views[0])
        assert features.read("cls", view=1, dtype=np.float16).dtype == np.float16


def test_views_of_a_dataset_of_some_classes(tmp_path):
    views = write_views(tmp_path / "a.h5", 2)
    with SplitFeatures({"a": tmp_path / "a.h5"}, classes=Classes(kept=("dog", "ash"))) as features:
        found = features.read("cls+patch", view=1)
    np.testing.assert_array_equal(found, views[1, [0, 3, 4, 7]])


def test_only_views_that_all_caches_hold_count(tmp_path):
    a = write_views(tmp_path / "a.h5", 3)
    b = write_views(tmp_path / "b.h5", 2, spec=replace(SPEC, backbone="b"))
    with SplitFeatures({"a": tmp_path / "a.h5", "b": tmp_path / "b.h5"}) as features:
        assert features.n_views == 2
        found = features.read("cls+patch@a,cls+patch@b", view=1)
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (a[1], b[1])]
    np.testing.assert_allclose(found, np.hstack(unit), rtol=1e-5)


def test_caches_of_different_images_do_not_go_together(tmp_path):
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5", replace(SPEC, backbone="b"), prefix="other-")
    with pytest.raises(MismatchError, match=r"a\.h5 and .*b\.h5 hold different images"):
        SplitFeatures({"a": tmp_path / "a.h5", "b": tmp_path / "b.h5"})


def test_a_dataset_of_some_classes(one):
    kept = Classes(kept=("dog", "ash"))
    with SplitFeatures(one) as everything, SplitFeatures(one, classes=kept) as features:
        rows = [0, 3, 4, 7]
        assert len(features) == 4
        assert features.paths() == [f"{row}.jpg" for row in rows]
        assert features.image_numbers().tolist() == rows
        np.testing.assert_array_equal(features.read("cls2"), everything.read("cls2")[rows])


def test_classes_cannot_be_chosen_without_labels(tmp_path):
    write(tmp_path / "a.h5", labels=None)
    with pytest.raises(UsageError, match="holds no classes to choose images by"):
        SplitFeatures({"a": tmp_path / "a.h5"}, classes=Classes(kept=("dog",)))


def test_names_of_classes():
    merged = {"ash": "plant", "bee": "animal", "cat": "animal", "dog": "animal"}
    assert Classes().names(NAMES) == NAMES
    assert Classes(kept=("dog", "ash")).names(NAMES) == ["dog", "ash"]
    assert Classes(merged=merged).names(NAMES) == ["animal", "plant"]
    assert Classes(kept=("dog", "bee"), merged=merged).names(NAMES) == ["animal"]
