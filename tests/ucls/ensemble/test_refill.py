import numpy as np
import pytest

from ucls.ensemble.refill import refill


def as_labels(*labels):
    return np.array(labels, dtype=np.int32)


def test_the_least_sure_half_of_the_largest_cluster_moves():
    labels = as_labels(0, 0, 1, 0, 0, 0, 1, -1)
    confidence = np.array([0.9, 0.2, 0.1, 0.8, 0.3, 0.5, 0.1, 0.0], dtype=np.float32)
    filled = refill(labels, confidence, 3)
    assert filled.tolist() == [0, 2, 1, 0, 2, 0, 1, -1]
    assert labels.tolist() == [0, 0, 1, 0, 0, 0, 1, -1]
    assert filled.dtype == np.int32


def test_of_equally_sure_images_the_later_move():
    assert refill(as_labels(0, 0, 0, 0), np.ones(4, dtype=np.float32), 2).tolist() == [0, 0, 1, 1]
    confidence = np.array([0.5, 1, 1, 1, 1], dtype=np.float32)
    assert refill(as_labels(0, 0, 0, 0, 0), confidence, 2).tolist() == [1, 0, 0, 0, 1]


def test_each_empty_cluster_halves_the_largest_of_then():
    labels = np.zeros(8, dtype=np.int32)
    confidence = np.linspace(0, 1, 8, dtype=np.float32)
    assert refill(labels, confidence, 4).tolist() == [3, 3, 1, 1, 2, 2, 0, 0]


def test_an_empty_cluster_in_the_middle_is_filled():
    labels = as_labels(0, 2, 2, 2, 2)
    confidence = np.array([1, 0.1, 1, 1, 0.2], dtype=np.float32)
    assert refill(labels, confidence, 3).tolist() == [0, 1, 2, 2, 1]


def test_full_clusters_stay():
    labels = as_labels(1, 0, 2, 1)
    assert np.array_equal(refill(labels, np.zeros(4, dtype=np.float32), 3), labels)


@pytest.mark.parametrize("seed", range(4))
def test_as_many_clusters_as_images_are_all_filled(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 30).astype(np.int32)
    filled = refill(labels, rng.random(30, dtype=np.float32), 30)
    assert sorted(filled.tolist()) == list(range(30))


def test_a_cluster_stays_empty_if_there_is_nothing_to_share():
    filled = refill(as_labels(0, 1, -1), np.ones(3, dtype=np.float32), 4)
    assert filled.tolist() == [0, 1, -1]
