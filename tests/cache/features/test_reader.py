import os
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from cache_samples import (
    BROKEN,
    CLS,
    KEPT,
    LABELS,
    N_IMAGES,
    NAMES,
    PATCH_MEAN,
    PIXELS,
    SPEC,
    hand_over,
)

from ucls.cache import FeatureCache, FeatureCacheWriter, partial_path
from ucls.errors import MismatchError, UsageError

HALF_CLS = CLS[0, KEPT].astype(np.float16).astype(np.float32)
HALF_PATCH = PATCH_MEAN[0, KEPT].astype(np.float16).astype(np.float32)
FEATURES = {
    "cls": HALF_CLS[:, 3],
    "cls+patch": np.concatenate([HALF_CLS[:, 3], HALF_PATCH], axis=1),
    "cls2": np.concatenate([HALF_CLS[:, 2], HALF_CLS[:, 3]], axis=1),
    "cls4": HALF_CLS.reshape(len(KEPT), -1),
    "cls4+patch": np.concatenate([HALF_CLS.reshape(len(KEPT), -1), HALF_PATCH], axis=1),
}


@pytest.fixture
def cache(finished: Path) -> Iterator[FeatureCache]:
    with FeatureCache(finished, expected=SPEC) as cache:
        yield cache


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the sample cache, to be damaged."""
    return Path(shutil.copy(finished, tmp_path / "x.h5"))


def test_what_a_cache_tells(cache: FeatureCache) -> None:
    assert cache.spec == SPEC
    assert (cache.n_rows, cache.n_layers, cache.n_features) == (len(KEPT), 4, 8)
    assert cache.feature_sets == list(FEATURES)
    assert cache.width("cls4+patch") == 40
    assert cache.paths() == [NAMES[i] for i in KEPT]
    assert cache.skipped == [(NAMES[i], f"broken {i}") for i in sorted(BROKEN)]
    assert cache.class_names() == ["ant", "bee", "cat"]
    labels = cache.labels()
    assert labels is not None
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, LABELS[KEPT])


@pytest.mark.parametrize("feature_set", FEATURES)
def test_feature_sets(cache: FeatureCache, feature_set: str) -> None:
    features = cache.read(feature_set)
    assert features.dtype == np.float32
    assert features.flags.c_contiguous
    np.testing.assert_array_equal(features, FEATURES[feature_set])


@pytest.mark.parametrize(
    "rows",
    [
        slice(1000, 2100),
        slice(None, None, 7),
        slice(50, 10, -3),
        slice(5, 5),
        np.array([2000, 3, 3, 1024, 1023, 0]),
        np.array([], dtype=np.int64),
        np.array([7], dtype=np.uint8),
        [9, 1],
    ],
    ids=str,
)
def test_rows(cache: FeatureCache, rows: Any) -> None:
    for feature_set in ("cls", "cls4+patch"):
        features = cache.read(feature_set, rows)
        np.testing.assert_array_equal(features, FEATURES[feature_set][rows])


@pytest.mark.parametrize("seed", range(3))
def test_random_rows(cache: FeatureCache, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, cache.n_rows, 4000)
    np.testing.assert_array_equal(cache.read("cls+patch", rows), FEATURES["cls+patch"][rows])


def test_views(cache: FeatureCache) -> None:
    assert cache.n_views == 2
    augmented = CLS[1, KEPT].astype(np.float16)
    np.testing.assert_array_equal(cache.read("cls2", view=1)[:, :8], augmented[:, 2])
    patch_mean = PATCH_MEAN[1, KEPT].astype(np.float16)
    np.testing.assert_array_equal(
        cache.read("cls+patch", [9, 1], view=1)[:, 8:], patch_mean[[9, 1]]
    )
    for view in (-1, 2):
        with pytest.raises(UsageError, match=f"a view from 0 to 1 in .*, got {view}; .* --views"):
            cache.read("cls", view=view)


def test_batches_hold_all_rows(cache: FeatureCache) -> None:
    batches = list(cache.batches("cls+patch", batch_size=1000, view=1, dtype=np.float16))
    assert [rows for rows, _ in batches] == [slice(0, 1000), slice(1000, 2000), slice(2000, 2494)]
    together = np.concatenate([features for _, features in batches])
    assert together.dtype == np.float16
    np.testing.assert_array_equal(together, cache.read("cls+patch", view=1))
    with pytest.raises(UsageError, match="batch size of at least 1, got 0"):
        next(cache.batches("cls", batch_size=0))


def test_tensors(cache: FeatureCache) -> None:
    tensor = cache.read_torch("cls", slice(10), dtype=np.float16, view=1)
    assert str(tensor.dtype) == "torch.float16"
    np.testing.assert_array_equal(tensor, cache.read("cls", slice(10), view=1))


def test_paths_and_places_of_some_rows(cache: FeatureCache) -> None:
    assert cache.paths([2000, 3]) == [NAMES[KEPT[2000]], NAMES[KEPT[3]]]
    assert cache.paths(slice(1020, 1030)) == [NAMES[i] for i in KEPT[1020:1030]]
    np.testing.assert_array_equal(cache.image_numbers(), KEPT)


def test_what_a_notebook_shows(cache: FeatureCache) -> None:
    assert repr(cache) == (
        "<FeatureCache sample.h5: 2,494 images of sample train, 2 views, vit_small at 224 px, "
        "float16; cls (8), cls+patch (16), cls2 (16), cls4 (32), cls4+patch (40)>"
    )
    assert len(cache) == 2494


def test_provenance_that_is_no_json(copied: Path) -> None:
    for text in ("{", "[1]"):
        with h5py.File(copied, "r+") as file:
            file.attrs["provenance"] = text
        with FeatureCache(copied) as cache, pytest.raises(UsageError, match="is damaged"):
            cache.provenance  # noqa: B018 - reading it is the test


def test_dtype_of_the_result(cache: FeatureCache) -> None:
    assert cache.read("cls", slice(3), dtype=np.float16).dtype == np.float16


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([-1]), r"from 0 to 2493, got -1 to -1"),
        (np.array([0, 2494]), r"from 0 to 2493, got 0 to 2494"),
        (np.array([0.0]), r"integer vector, got float64 \(1,\)"),
        (np.zeros(2494, bool), "integer vector, got bool"),
        (np.zeros((2, 2), int), r"integer vector, got int64 \(2, 2\)"),
    ],
)
def test_rows_that_are_not_there(cache: FeatureCache, rows: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cache.read("cls", rows)


def test_reading_allocates_little_more_than_the_result(tmp_path: Path) -> None:
    spec = replace(PIXELS, n_features=256)
    with FeatureCacheWriter(tmp_path / "x.h5", spec, 20_000) as writer:
        for _ in range(20):
            writer.append(np.ones((1, 1000, 1, 256), np.float16), None, ["x"] * 1000)
        writer.finish()
    with FeatureCache(tmp_path / "x.h5") as cache:
        tracemalloc.start()
        features = cache.read("cls")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < features.nbytes + 4 * 1024 * 256 * 4


def test_a_cache_without_labels_or_patches(tmp_path: Path) -> None:
    with FeatureCacheWriter(tmp_path / "x.h5", PIXELS, 2) as writer:
        writer.append(CLS[:1, :2, :1], None, ["a", "b"])
        writer.finish()
    with FeatureCache(tmp_path / "x.h5", expected=PIXELS) as cache:
        assert cache.labels() is None
        assert cache.class_names() is None
        assert cache.skipped == []
        with pytest.raises(UsageError, match=r"expected one of cls, got 'cls.patch'"):
            cache.read("cls+patch")


def test_other_settings_than_expected(finished: Path) -> None:
    other = replace(SPEC, weights_hash="cafe", image_size=518)
    with pytest.raises(MismatchError) as raised:
        FeatureCache(finished, expected=other)
    for part in (
        str(finished),
        "weights_hash is 'beef' there, 'cafe' now",
        "image_size is 224 there, 518 now",
        "--overwrite",
        "--cache-dir",
    ):
        assert part in str(raised.value)
    assert "crop" not in str(raised.value)


def test_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with FeatureCacheWriter(path, SPEC, N_IMAGES) as writer:
        hand_over(writer, 2000)
    with pytest.raises(UsageError, match=r"not finished: only .*\.partial .* goes on"):
        FeatureCache(path)
    partial_path(path).rename(path)
    with pytest.raises(UsageError, match="not finished: 1028 of 2500 images are done"):
        FeatureCache(path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated(copied: Path, share: float) -> None:
    os.truncate(copied, int(copied.stat().st_size * share))
    with pytest.raises(UsageError, match="truncated or not an HDF5 file; remove it with"):
        FeatureCache(copied)


def test_newer_version(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file.attrs["version"] = 2
    with pytest.raises(UsageError, match="version 2, this UCLS reads up to 1"):
        FeatureCache(copied)


@pytest.mark.parametrize("name", ["cls", "patch_mean", "path"])
def test_missing_dataset(copied: Path, name: str) -> None:
    with h5py.File(copied, "r+") as file:
        del file[name]
    with pytest.raises(UsageError, match=f"is damaged .*{name}"):
        FeatureCache(copied)


def test_dataset_of_another_shape(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        file["cls"].resize(17, axis=1)
    with pytest.raises(UsageError, match=r"is damaged \(expected cls \[2, 2494, 4, 8\]\)"):
        FeatureCache(copied)


def test_missing_setting(copied: Path) -> None:
    with h5py.File(copied, "r+") as file:
        del file.attrs["crop"]
    with pytest.raises(UsageError, match=r"is damaged .*crop"):
        FeatureCache(copied)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no feature cache at .*x\.h5; run `ucls extract`"):
        FeatureCache(tmp_path / "x.h5")


def test_version_1_as_the_format_says(tmp_path: Path) -> None:
    """Built by hand from FORMAT.md; must stay readable whatever the writer does later."""
    path = tmp_path / "x.h5"
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "ucls-features"
        file.attrs.update({"version": 1, "complete": True})
        file.attrs.update({"n_images": 3, "n_seen": 3, "rows_written": 2})
        file.attrs.update({"dataset": "d", "split": "train", "fingerprint": "f"})
        file.attrs.update({"backbone": "b", "weights_hash": "w", "timm_version": "1"})
        file.attrs.update({"image_size": 8, "channels": 1, "crop": 1.0})
        file.attrs.update({"interpolation": "bicubic", "mean": [0.5], "std": [0.25]})
        file.attrs.update({"dtype": "float32", "n_layers": 2, "n_features": 3})
        file.attrs["has_patch_mean"] = True
        file["cls"] = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
        file["patch_mean"] = np.float32([[[20, 21, 22], [23, 24, 25]]])
        file.create_dataset("path", data=["a", "ü"], dtype=text)
        file["skipped/index"] = np.array([1])
        file.create_dataset("skipped/path", data=["bad"], dtype=text)
        file.create_dataset("skipped/reason", data=["broken"], dtype=text)
        file["labels/class"] = np.array([1, 0], dtype=np.int32)
        file.create_dataset("labels/class_names", data=["no", "yes"], dtype=text)
    with FeatureCache(path) as cache:
        assert (cache.n_views, cache.spec.precision, cache.provenance) == (1, "float32", {})
        assert cache.spec.mean == (0.5,)
        assert cache.spec.n_layers == 2
        assert cache.paths() == ["a", "ü"]
        assert cache.skipped == [("bad", "broken")]
        assert cache.class_names() == ["no", "yes"]
        labels = cache.labels()
        assert labels is not None
        assert labels.tolist() == [1, 0]
        assert cache.read("cls+patch").tolist() == [[3, 4, 5, 20, 21, 22], [9, 10, 11, 23, 24, 25]]
        assert cache.read("cls2").tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_all_tokens_of_some_rows(cache: FeatureCache) -> None:
    rows = [2000, 3, 1100, 3]
    cls, patch_mean = cache.read_tokens(rows)
    assert patch_mean is not None
    assert (cls.dtype, patch_mean.dtype) == (np.float16, np.float16)
    np.testing.assert_array_equal(cls, CLS[:, KEPT[rows]].astype(np.float16))
    np.testing.assert_array_equal(patch_mean, PATCH_MEAN[:, KEPT[rows]].astype(np.float16))
    assert cache.read_tokens()[0].shape == (2, len(KEPT), 4, 8)


def test_every_path_of_the_image_set(cache: FeatureCache) -> None:
    assert cache.image_paths() == NAMES


def test_older_caches_have_no_stamps(cache: FeatureCache) -> None:
    assert cache.stamps() is None


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what Linux reads")
def test_single_rows_read_no_whole_chunks(tmp_path: Path) -> None:
    def n_read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    spec = replace(SPEC, n_layers=1, n_features=512, has_patch_mean=False, n_views=1)
    path = tmp_path / "wide.h5"
    with FeatureCacheWriter(path, spec, 4096) as writer:
        writer.append(np.ones((1, 4096, 1, 512), spec.dtype), None, [str(i) for i in range(4096)])
        writer.finish()
    with FeatureCache(path) as cache:
        cache.read("cls", [0])
        before = n_read()
        cache.read("cls", [1, 1500, 4000])
        assert n_read() - before < 100_000
