from pathlib import Path

import numpy as np
import pytest

from benchmarks import sets
from ucls.errors import UsageError


@pytest.mark.parametrize("ratio", [1.0, 2.0, 10.0])
def test_class_sizes_fall_evenly_to_the_ratio(ratio: float) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(5, dtype=np.int32), 200))
    kept = sets.thinned_rows(labels, ratio=ratio)
    sizes = np.sort(np.bincount(labels[kept]))[::-1]
    np.testing.assert_allclose(sizes, 200 * ratio ** -(np.arange(5) / 4), atol=0.5)
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(kept, sets.thinned_rows(labels, ratio=ratio))


def test_thinning_leaves_something_of_every_class() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int32), 20)
    kept = labels[sets.thinned_rows(labels, ratio=100.0)]
    assert sorted(np.bincount(kept)) == [1, 2, 20]
    assert len(sets.thinned_rows(labels[labels != 1], ratio=1.0)) == 40


@pytest.mark.parametrize("ratio", [1.0, 20.0])
def test_made_sizes_have_the_ratio_and_the_sum(ratio: float) -> None:
    sizes = sets.geometric_sizes(900, 6, ratio)
    assert sizes.sum() == 900
    assert sizes.max() / sizes.min() == pytest.approx(ratio, rel=0.05)


def test_made_classes_have_the_sizes_asked_for() -> None:
    for made in (
        sets.sheets(n_images=900, width=8, n_clusters=6),
        sets.sphere(20.0, n_images=900, width=8, n_clusters=6),
    ):
        assert made["features"].shape == (900, 8)
        np.testing.assert_array_equal(
            np.bincount(made["labels"]), sets.geometric_sizes(900, 6, 20.0)
        )


def test_a_sphere_lies_far_from_the_origin_and_varies_most_along_one_direction() -> None:
    features = sets.sphere(1.0, n_images=1000)["features"]
    middle = features.mean(axis=0)
    assert np.linalg.norm(middle) > 0.7
    variances = np.linalg.svd(features - middle, compute_uv=False) ** 2
    assert variances[0] > 1.2 * variances[1]


def test_the_classes_of_a_sphere_are_those_of_every_ratio() -> None:
    centres = [
        np.stack([made["features"][made["labels"] == label].mean(axis=0) for label in range(3)])
        for made in (sets.sphere(ratio, n_images=3000, n_clusters=3) for ratio in (1.0, 5.0))
    ]
    np.testing.assert_allclose(*centres, atol=0.05)


def test_blobs_are_equally_far_apart() -> None:
    made = sets.blobs(5000, noise=0.1)
    assert np.bincount(made["labels"]).tolist() == [1000] * 5
    centres = [made["features"][made["labels"] == label].mean(axis=0) for label in range(5)]
    distance = np.linalg.norm(centres[0] - np.array(centres[1:]), axis=1)
    np.testing.assert_allclose(distance, 2**0.5, atol=0.02)


@pytest.mark.slow
def test_a_source_is_read_and_thinned(tmp_path: Path) -> None:
    thin = sets.read_set(sets.SETS["digits, 10:1"](tmp_path), tmp_path)
    assert thin.features.shape == (len(thin.labels), 64)
    sizes = np.bincount(thin.labels)
    assert sizes.max() / sizes.min() == pytest.approx(10, rel=0.1)
    np.savez(tmp_path / "mine.npz", features=thin.features, labels=thin.labels)
    (opener,) = sets.openers([f"mine={tmp_path / 'mine.npz'}"]).values()
    mine = sets.read_set(opener(tmp_path), tmp_path)
    np.testing.assert_array_equal(mine.labels, thin.labels)
    assert mine.n_classes == 10


def test_a_dataset_needs_no_file() -> None:
    assert sets.openers(["digits"])["digits"](Path()).n_images == 1437
    with pytest.raises(UsageError):
        sets.openers(["x=missing.npz"])["x"](Path())


@pytest.mark.skipif(not sets.FASHION.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_fashion_is_pixels() -> None:
    made = sets.fashion()
    assert made["features"].shape == (10_000, 784)
    assert made["features"].max() == 1.0
    assert np.bincount(made["labels"]).tolist() == [1000] * 10
