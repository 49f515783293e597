from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.simulated.features import (
    IMAGES_PER_BLOCK,
    SimulatedFeatures,
    how_simulated,
    write_simulated,
)
from ucls.errors import UsageError
from ucls.images.feature_files import load_features

MADE = SimulatedFeatures(2_500, 10, 256)


@pytest.fixture(scope="module")
def whole():
    return MADE.chunk(slice(0, None))


def test_a_row_is_the_same_whatever_is_read_with_it(whole):
    for size in (700, IMAGES_PER_BLOCK):
        for start in reversed(range(0, MADE.n_images, size)):
            rows = slice(start, start + size)
            np.testing.assert_array_equal(MADE.chunk(rows), whole[rows])
    rows = np.array([2_499, 3, 3, 1_024])
    np.testing.assert_array_equal(replace(MADE).chunk(rows), whole[rows])


def test_rows_are_as_long_as_a_layer_norm_leaves_them_and_labels_balanced(whole):
    assert np.ptp(np.bincount(SimulatedFeatures(1_003, 10, 16).labels)) == 1
    assert np.abs(replace(MADE, seed=1).chunk(slice(0, 9)) - whole[:9]).max() > 0.1
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 16, rtol=1e-4)


def test_val_has_other_images_of_the_same_classes(whole):
    val = replace(MADE, split="val")
    images = val.chunk(slice(0, 500))
    train, unseen = (
        np.stack([x[labels[: len(x)] == label].mean(axis=0) for label in range(10)])
        for x, labels in ((whole, MADE.labels), (images, val.labels))
    )
    train, unseen = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train, unseen))
    np.testing.assert_array_equal((unseen @ train.T).argmax(axis=1), np.arange(10))
    assert (images @ whole.T).max() < 0.9999 * MADE.n_features


@pytest.mark.parametrize("n_features", [128, 1024])
def test_similarities_hardly_depend_on_the_width(n_features):
    ours = SimulatedFeatures(500, 5, n_features)
    wide = replace(ours, n_features=512)
    one, other = (np.corrcoef(made.chunk(slice(0, None))) for made in (ours, wide))
    assert ours.n_dims == wide.n_dims < 128
    # Correlations leave out the mean of a row, which is about nothing.
    assert np.abs(one - other).mean() < 0.02


@pytest.mark.parametrize("wrong", [{"n_classes": 1}, {"n_classes": 3_000}, {"n_features": 1}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(UsageError, match="expected at least 2"):
        replace(MADE, **wrong)


def test_the_file_is_a_source_that_says_it_is_simulated(tmp_path: Path, whole):
    path = tmp_path / "new" / "made.h5"
    seen = []
    write_simulated(path, MADE, advance=seen.append)
    source = load_features(path)
    np.testing.assert_array_equal(source.features, whole.astype(np.float16))
    np.testing.assert_array_equal(source.labels, MADE.labels)
    assert sum(seen) == 2_500
    assert how_simulated(path) == "n_images 2,500, n_classes 10, n_features 256, seed 0"
    with h5py.File(tmp_path / "real.h5", "w") as file:
        file["features"] = np.zeros((3, 2))
    assert how_simulated(tmp_path / "real.h5") == how_simulated(Path("digits")) == ""
