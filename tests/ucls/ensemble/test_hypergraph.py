import numpy as np
import pytest

from ucls.ensemble.hypergraph import first_clusters, membership, merge_identical, split_rows

some_seeds = pytest.mark.parametrize("seed", range(4))


@some_seeds
@pytest.mark.parametrize("missing", [True, False])
def test_the_incidence_matrix_equals_dense_numpy(seed, missing, random_heads, dense_incidence):
    heads = random_heads(seed, missing=missing)
    incidence = membership(heads)
    assert np.array_equal(incidence.toarray(), dense_incidence(heads))
    assert incidence.nnz == np.count_nonzero(heads >= 0)
    assert incidence.dtype == np.float32


def test_an_image_that_all_heads_miss_has_an_empty_row():
    heads = np.array([[0, -1, 1], [-1, -1, 0]], dtype=np.int32)
    assert membership(heads).toarray().tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]


def test_clusters_are_counted_head_after_head():
    heads = np.array([[0, 1, 2], [0, 0, -1], [1, 0, 0]], dtype=np.int32)
    assert first_clusters(heads).tolist() == [0, 3, 4, 6]


@some_seeds
def test_merged_rows_are_distinct_and_lead_back(seed):
    labels = np.random.default_rng(seed).integers(-1, 2, (3, 60)).astype(np.int32)
    rows = merge_identical(labels)
    assert np.array_equal(rows.labels[:, rows.row_of_image], labels)
    assert len({tuple(row) for row in rows.labels.T.tolist()}) == len(rows.counts) < 60
    assert np.array_equal(rows.counts, np.bincount(rows.row_of_image))


def test_the_order_of_the_images_does_not_change_the_rows():
    labels = np.random.default_rng(0).integers(-1, 2, (3, 60)).astype(np.int32)
    first, second = merge_identical(labels), merge_identical(labels[:, ::-1])
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.counts, second.counts)
    assert np.array_equal(first.row_of_image[::-1], second.row_of_image)


@some_seeds
@pytest.mark.parametrize("largest", [1, 3, 1000])
def test_split_rows_have_the_same_labels_and_are_small(seed, largest):
    labels = np.random.default_rng(seed).integers(-1, 2, (3, 60)).astype(np.int32)
    whole = merge_identical(labels)
    rows = split_rows(whole, largest)
    assert np.array_equal(rows.labels[:, rows.row_of_image], labels)
    assert np.array_equal(rows.counts, np.bincount(rows.row_of_image))
    assert 1 <= rows.counts.min() <= rows.counts.max() <= largest
    assert len(rows.counts) == sum(-(-count // largest) for count in whole.counts.tolist())
