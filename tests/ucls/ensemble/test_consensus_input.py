import numpy as np
import pytest

from ucls.ensemble import consensus
from ucls.ensemble.methods import method_names
from ucls.errors import UsageError

every_method = pytest.mark.parametrize("method", method_names())
WRONG_LABELS = [
    [[0.0, 1.0], [1.0, 0.0]],
    np.array([[True, False], [False, True]]),
    np.array([[0, 1], [1, 0]], dtype=object),
    [["a", "b"], ["b", "a"]],
    [[0, None], [1, 0]],
    [[0, -2], [1, 0]],
    [[0, np.iinfo(np.int64).min], [1, 0]],
    [[-1, -1], [-1, -1]],
    [0, 1],
    5,
    [[]],
    [[0, 1], [0]],
    np.zeros((2, 3, 4), dtype=int),
]


@every_method
def test_one_head_is_returned_as_it_is(method):
    result = consensus([[5, 9, 5, -1, 7]], 3, method=method)
    assert result.labels.tolist() == [0, 2, 0, -1, 1]
    assert result.confidence.tolist() == [1, 1, 1, 0, 1]
    assert result.anmi == pytest.approx(1.0)
    assert result.notes == (
        "1 of 5 images are missing in all heads: label -1, confidence 0",
        "only one head: returned as it is",
    )


def test_one_head_with_fewer_clusters_leaves_some_empty():
    result = consensus([[1, 0, 1, 0]], 4)
    assert result.cluster_sizes.tolist() == [2, 2, 0, 0]
    assert result.occupied_clusters == 2
    assert "2 of 4 clusters are empty" in result.notes


def test_one_head_with_more_clusters_is_an_error():
    with pytest.raises(UsageError, match="only head has 3 clusters, more than n_clusters=2"):
        consensus([[0, 1, 2, 0]], 2)


@every_method
def test_equal_heads_are_returned_as_they_are(method):
    head = np.array([0, 1, 1, 2, -1, 0])
    renamed = np.array([2, 0, 1, -1])[head]
    result = consensus(np.stack([head, renamed, head]), 3, method=method)
    assert result.labels.tolist() == head.tolist()
    assert result.confidence.tolist() == [1, 1, 1, 1, 0, 1]
    assert result.anmi == pytest.approx(1.0)
    assert result.notes[1:] == ("all 3 heads are equal: returned as it is",)


def test_equal_heads_with_more_clusters_are_merged():
    head = np.repeat(np.arange(6), 5)
    result = consensus(np.stack([head] * 4), 3)
    assert set(result.labels.tolist()) == {0, 1, 2}
    assert all(len(set(group)) == 1 for group in result.labels.reshape(6, 5).tolist())


@every_method
def test_a_head_with_one_cluster_is_left_out(method, make_heads):
    _, heads = make_heads(0, n_images=300)
    without = consensus(heads, 10, method=method)
    constant = np.full((1, 300), 4)
    result = consensus(np.vstack([heads[:2], constant, heads[2:]]), 10, method=method)
    assert np.array_equal(result.labels, without.labels)
    assert np.array_equal(result.confidence, without.confidence)
    assert result.anmi == without.anmi
    assert result.notes == ("head 2 has only one cluster: left out",)


def test_a_head_without_labels_is_left_out():
    result = consensus([[-1, -1, -1], [0, 1, 1]], 2)
    assert result.labels.tolist() == [0, 1, 1]
    assert result.notes == (
        "head 0 has no labels: left out",
        "only one head: returned as it is",
    )


@pytest.mark.parametrize("method", ["mcla", "vote"])
def test_heads_of_one_cluster_alone_give_one_cluster(method):
    result = consensus([[0, 0, 0, -1], [3, 3, -1, 3], [1, 1, 1, -1]], 2, method=method)
    assert len(set(result.labels.tolist())) == 1
    assert result.occupied_clusters == 1
    assert result.notes == ("1 of 2 clusters are empty",)


@every_method
def test_images_missing_everywhere_get_no_label_and_are_noted(method, make_heads):
    _, heads = make_heads(0, n_images=300)
    heads[:, [3, 200]] = -1
    result = consensus(heads, 10, method=method)
    assert np.flatnonzero(result.labels == -1).tolist() == [3, 200]
    assert result.confidence[[3, 200]].tolist() == [0, 0]
    assert result.cluster_sizes.sum() == 298
    assert result.notes == ("2 of 300 images are missing in all heads: label -1, confidence 0",)


@every_method
def test_more_clusters_than_the_heads_have_together(method):
    result = consensus([[0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]], 5, method=method)
    assert 0 <= result.labels.min() <= result.labels.max() < 5
    assert len(result.cluster_sizes) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 1}, "between 2 and the number of images with a label, 4, got 1"),
        ({"n_clusters": 5}, "between 2 and the number of images with a label, 4, got 5"),
        ({"n_clusters": 2.0}, r"n_clusters must be an integer, got 2\.0"),
        ({"method": "best"}, "must be one of mcla, vote, hbgf, cspa, nmf, hgpa, all, got 'best'"),
        ({"seed": -1}, "seed must be an integer in .*got -1"),
        ({"seed": 2**31}, "got 2147483648"),
        ({"seed": 0.5}, r"got 0\.5"),
        ({"min_jaccard": 1.5}, r"min_jaccard must be in 0\.\.1, got 1\.5"),
        ({"min_jaccard": float("nan")}, r"min_jaccard must be in 0\.\.1, got nan"),
        ({"vertex_weights": "images"}, "vertex_weights must be one of unit, size, got 'images'"),
        ({"imbalance": -1.0}, r"imbalance must be None or above 0 and at most 1000, got -1\.0"),
        ({"weights": [1.0]}, r"weights must be 2 positive numbers, one per head, got shape \(1,\)"),
        ({"weights": [1.0, 0.0]}, "got 0 among them"),
        ({"weights": "loss"}, "weights must be equal, agreement or one number per head"),
    ],
)
def test_wrong_options_are_usage_errors_of_one_line(options, message):
    options = {"n_clusters": 2, **options}
    with pytest.raises(UsageError, match=message) as caught:
        consensus([[0, 1, 0, 1], [0, 1, 1, 1]], options.pop("n_clusters"), **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("labels", WRONG_LABELS)
@every_method
def test_wrong_labels_are_usage_errors_of_one_line(labels, method):
    with pytest.raises(UsageError) as caught:
        consensus(labels, 2, method=method)
    assert "\n" not in str(caught.value)


@every_method
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.uint64])
def test_every_integer_type_gives_the_same(method, dtype):
    heads = np.random.default_rng(0).integers(0, 4, (5, 60))
    expected = consensus(heads, 4, method=method)
    found = consensus(heads.astype(dtype), 4, method=method)
    assert np.array_equal(found.labels, expected.labels)


@every_method
def test_huge_label_numbers_give_the_same(method):
    heads = np.random.default_rng(0).integers(-1, 4, (5, 60))
    huge = np.where(heads < 0, -1, heads * 10**12 + 7)
    expected = consensus(heads, 4, method=method)
    assert np.array_equal(consensus(huge, 4, method=method).labels, expected.labels)


def test_a_list_of_lists_is_taken():
    heads = np.random.default_rng(0).integers(0, 4, (5, 60))
    assert np.array_equal(consensus(heads.tolist(), 4).labels, consensus(heads, 4).labels)


def test_too_many_clusters_for_vote_say_what_to_do():
    heads = np.random.default_rng(0).integers(0, 9, (4, 40))
    with pytest.raises(UsageError, match="at most n_clusters=3 clusters, the smallest has"):
        consensus(heads, 3, method="vote")


@pytest.mark.parametrize("method", ["mcla", "cspa"])
def test_heads_without_a_common_image_leave_nothing_to_link(method):
    heads = np.full((3, 12), -1)
    for i, head in enumerate(heads):
        head[4 * i : 4 * i + 4] = [0, 1, 2, 3]
    with pytest.raises(UsageError, match="nothing to link"):
        consensus(heads, 4, method=method)


CORNERS = """
import numpy as np
from ucls.ensemble import consensus
from ucls.ensemble.methods import method_names
from ucls.errors import UclsError


def missing(heads, share, rng):
    return np.where(rng.random(heads.shape) < share, -1, heads)


def apart(n_heads, size):
    heads = np.full((n_heads, n_heads * size), -1)
    for i, head in enumerate(heads):
        head[i * size : (i + 1) * size] = np.arange(size) % 2
    return heads


def inputs(rng):
    yield rng.integers(-1, 3, (1, 20)), 3  # one head
    yield rng.permutation(20)[None], 3  # one head with a cluster per image
    yield np.tile(rng.permutation(20) % 4, (4, 1)), 4  # equal heads
    yield np.tile(rng.permutation(20) % 4, (4, 1)), 7
    yield np.tile(rng.permutation(20) % 7, (4, 1)), 2
    yield np.zeros((3, 10), dtype=int), 2  # one cluster everywhere
    yield np.vstack([np.full((2, 30), 5), rng.integers(0, 4, (3, 30))]), 4
    yield np.vstack([np.full((2, 30), -1), rng.integers(0, 4, (3, 30))]), 4
    yield rng.integers(0, 2, (4, 3)), 2  # hardly any images
    yield rng.integers(0, 3, (3, 3)), 3
    yield np.stack([rng.permutation(2) for _ in range(3)]), 2
    yield rng.integers(0, 3, (3, 8)), 8  # as many clusters as images
    yield np.stack([rng.permutation(9) for _ in range(3)]), 4  # a cluster per image
    yield np.stack([rng.permutation(20) % 2 for _ in range(2)]), 10  # more than all heads have
    yield rng.integers(0, 9, (4, 40)), 3  # fewer than any head has
    yield missing(rng.integers(0, 4, (5, 40)), 0.8, rng), 4
    yield missing(rng.integers(0, 2, (5, 60)), 0.95, rng), 2
    yield apart(2, 6), 2  # no common image
    yield apart(5, 3), 3
    yield rng.integers(0, 6, (2, 50)), 6  # noise


drawn = [pair for seed in range(3) for pair in inputs(np.random.default_rng(seed))]
for heads, n_clusters in drawn:
    for method in method_names():
        for options in ({}, {"keep_k": True, "weights": "agreement", "seed": 5}):
            try:
                result = consensus(heads, n_clusters, method=method, **options)
            except UclsError as error:
                assert "\\n" not in str(error)
                continue
            labels = result.labels
            assert labels.dtype == np.int32 and labels.shape == heads.shape[1:]
            assert -1 <= labels.min() <= labels.max() < n_clusters
            assert (labels[(heads < 0).all(axis=0)] == -1).all()
            assert ((result.confidence >= 0) & (result.confidence <= 1)).all()
            assert (result.confidence[labels < 0] == 0).all()
            assert 0 <= result.anmi <= 1
            sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
            assert np.array_equal(result.cluster_sizes, sizes)
            assert result.occupied_clusters == np.count_nonzero(sizes)
            assert result.occupied_clusters == n_clusters or not options
"""


@pytest.mark.slow
def test_corners_give_labels_or_an_error_and_print_nothing(python):
    assert python(CORNERS) == ""
