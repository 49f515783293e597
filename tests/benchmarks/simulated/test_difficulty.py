from dataclasses import replace

import numpy as np

from benchmarks.simulated.difficulty import measure_difficulty, ridge_accuracy
from benchmarks.simulated.features import SimulatedFeatures
from benchmarks.simulated.geometry import FITTED

MADE = SimulatedFeatures(3_000, 6, 128)


def test_simulated_features_can_be_told_apart_but_not_all_of_them():
    found = measure_difficulty(MADE)
    assert 0.93 < found.linear_probe < 1
    assert 0.93 < found.knn < 1
    assert 0.6 < found.kmeans < 1


def test_mixed_images_make_them_harder():
    harder = measure_difficulty(replace(MADE, geometry=replace(FITTED, mixed=1.0)))
    assert harder.linear_probe < 0.9
    assert harder.knn < 0.9


def test_a_ridge_regression_tells_classes_apart_that_differ_in_one_feature():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((400, 4)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int32)
    val = rng.standard_normal((400, 4)).astype(np.float32) + np.float32(0.2)
    val_labels = (val[:, 0] > 0).astype(np.int32)
    assert ridge_accuracy(features, labels, val, val_labels) > 0.95
    assert ridge_accuracy(features, labels, val, 1 - val_labels) < 0.05
