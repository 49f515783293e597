import numpy as np
import pytest

from ucls.ensemble import contingency
from ucls.ensemble.contingency import cluster_sizes, count_overlaps
from ucls.ensemble.label_matrix import compact


def dense(overlaps, shape):
    table = np.zeros(shape, dtype=np.int64)
    table[overlaps.rows, overlaps.columns] = overlaps.counts
    return table


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("small_table", [0, contingency.SMALL_TABLE])
def test_counts_equal_brute_force(seed, small_table, monkeypatch):
    monkeypatch.setattr(contingency, "SMALL_TABLE", small_table)
    rng = np.random.default_rng(seed)
    first, second = compact(rng.integers(-1, 15, 60)), compact(rng.integers(-1, 18, 60))
    overlaps = count_overlaps(first, second)
    shape = first.max() + 1, second.max() + 1
    expected = [
        [np.sum((first == a) & (second == b)) for b in range(shape[1])] for a in range(shape[0])
    ]
    assert np.array_equal(dense(overlaps, shape), expected)
    assert len(overlaps.counts) == np.count_nonzero(expected)


def test_a_cluster_per_image_does_not_build_the_table():
    head = np.arange(100_000, dtype=np.int32)
    overlaps = count_overlaps(head, head[::-1].copy())
    assert np.array_equal(overlaps.rows, head)
    assert np.array_equal(overlaps.columns, head[::-1])


def test_heads_without_a_common_image_share_nothing():
    overlaps = count_overlaps(np.array([0, 1, -1, -1]), np.array([-1, -1, 0, 1]))
    assert all(len(part) == 0 for part in overlaps)


def test_cluster_sizes_leave_missing_out():
    assert cluster_sizes(np.array([1, -1, 0, 1, 2])).tolist() == [1, 2, 1]
    assert cluster_sizes(np.array([-1, -1])).tolist() == []
