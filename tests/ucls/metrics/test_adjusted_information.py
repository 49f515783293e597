from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score

from ucls.metrics.adjusted_information import (
    adjusted_mutual_information,
    expected_mutual_information,
)


def count(first, second):
    table = np.zeros((first.max() + 1, second.max() + 1), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    return table[table.any(axis=1)][:, table.any(axis=0)]


@pytest.mark.parametrize("seed", range(30))
def test_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    n_images = rng.integers(1, 80)
    first = rng.integers(0, rng.integers(1, 12), n_images)
    second = np.where(rng.random(n_images) < 0.5, first, rng.integers(0, 9, n_images))
    expected = adjusted_mutual_info_score(first, second)
    assert adjusted_mutual_information(count(first, second)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
def test_the_expectation_is_the_mean_over_all_permutations():
    first, second = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    every = [mutual_info_score(first, list(order)) for order in permutations(second)]
    expected = expected_mutual_information(np.bincount(first), np.bincount(second))
    assert expected == pytest.approx(np.mean(every))


@pytest.mark.parametrize("table", [[[7]], np.eye(5, dtype=int), np.diag([3, 1, 2])])
def test_equal_partitions_give_one(table):
    assert adjusted_mutual_information(np.array(table)) == pytest.approx(1.0)


def test_one_cluster_for_all_gives_zero():
    assert adjusted_mutual_information(np.array([[3], [4]])) == pytest.approx(0.0)
