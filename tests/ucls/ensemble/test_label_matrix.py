import numpy as np
import pytest

from ucls.ensemble.label_matrix import (
    check_label_matrix,
    compact,
    count_clusters,
    number_by_first_image,
)
from ucls.errors import UsageError


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"matrix \[n_heads, n_images\], got shape \(3,\)"),
        (np.zeros((2, 3, 4), dtype=int), r"got shape \(2, 3, 4\)"),
        (np.zeros((0, 5), dtype=int), r"non-empty.*\(0, 5\)"),
        (np.zeros((5, 0), dtype=int), r"non-empty.*\(5, 0\)"),
        ([[0, 1], [0]], "rows of different lengths"),
        ([[0.0, 1.0]], "must be integers, got float64"),
        ([[True, False]], "must be integers, got bool"),
        ([[0, -2]], "got -2"),
        ([[-1, -1], [-1, -1]], "only -1"),
    ],
)
def test_wrong_labels_are_usage_errors_of_one_line(labels, message):
    with pytest.raises(UsageError, match=message) as caught:
        check_label_matrix(labels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_every_integer_type_is_taken(dtype):
    labels = np.array([[0, 3, 1]], dtype=dtype)
    assert check_label_matrix(labels) is labels
    assert compact(labels[0]).tolist() == [0, 2, 1]


def test_compact_keeps_the_order_of_the_numbers_and_missing():
    compacted = compact(np.array([7, -1, 2, 10**9, 2]))
    assert compacted.tolist() == [1, -1, 0, 2, 0]
    assert compacted.dtype == np.int32


def test_compact_of_a_compact_head_changes_nothing():
    head = np.array([2, 0, 1, -1, 1])
    assert np.array_equal(compact(head), head)


def test_numbers_follow_the_first_image_of_each_cluster():
    assert number_by_first_image(np.array([2, -1, 0, 2, 1], dtype=np.int32)).tolist() == [
        0,
        -1,
        1,
        0,
        2,
    ]


@pytest.mark.parametrize("seed", range(5))
def test_numbering_by_first_image_forgets_the_original_numbers(seed):
    rng = np.random.default_rng(seed)
    head = compact(rng.integers(-1, 8, 50))
    renamed = np.append(rng.permutation(8), -1).astype(np.int32)[head]
    assert np.array_equal(number_by_first_image(head), number_by_first_image(compact(renamed)))


def test_count_clusters():
    assert count_clusters(np.array([-1, 3, 0])) == 4
    assert count_clusters(np.array([-1, -1])) == 0
