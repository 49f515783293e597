import numpy as np
import pytest

from ucls.ensemble import consensus
from ucls.ensemble.head_votes import HeadVotes


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("weights", ["equal", "agreement", "numbers"])
@pytest.mark.parametrize("method", ["mcla", "vote"])
def test_the_confidence_is_that_of_the_consensus(seed, weights, method, make_heads):
    _, heads = make_heads(seed, n_images=300, error=0.4)
    heads[:, ::50] = -1
    heads[2, ::7] = -1
    heads[4] = 9
    heads[5] = np.where(heads[5] < 7, heads[5], 3)
    numbers = np.random.default_rng(seed).uniform(0.5, 2.0, len(heads))
    given = numbers if weights == "numbers" else weights
    result = consensus(heads, 10, method=method, weights=given)
    votes = HeadVotes.of(heads, result.labels, 10, weights=None if weights == "equal" else given)
    np.testing.assert_array_equal(votes.confidence(heads, result.labels), result.confidence)
    assert votes.votes[4] == 0
    assert (votes.names[5, 7:] == -1).all()
    assert (votes.names[5, :7] >= 0).all()
    assert (votes.names.dtype, votes.votes.dtype) == (np.int32, np.int64)


@pytest.mark.parametrize("seed", range(3))
def test_new_images_are_counted_by_the_names(seed):
    rng = np.random.default_rng(seed)
    names = np.stack([rng.permutation(6) for _ in range(5)]).astype(np.int32)
    names[rng.random(names.shape) < 0.2] = -1
    votes = rng.integers(0, 9, 5)
    labels = rng.integers(-1, 6, (5, 40)).astype(np.int32)
    labels[:, 0] = -1
    clusters = rng.integers(-1, 6, 40).astype(np.int32)
    expected = []
    for image, cluster in zip(labels.T, clusters, strict=True):
        cast = sum(n for label, n in zip(image, votes, strict=True) if label >= 0)
        behind = sum(
            n
            for label, n, own in zip(image, votes, names, strict=True)
            if label >= 0 and own[label] >= 0 and own[label] == cluster
        )
        expected.append(behind / cast if cast else 0.0)
    found = HeadVotes(names, votes).confidence(labels, clusters)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_names_do_not_depend_on_the_new_images():
    head = as_labels([2, 2, 0, 0, 1, 1])
    votes = HeadVotes.of(head, as_labels([0, 0, 1, 1, 2, 2])[0], 4)
    assert votes.names.tolist() == [[1, 2, 0, -1]]
    # Alone, images of the clusters 0 and 1 would have been named the other way round.
    assert votes.confidence(as_labels([0, 0, 1, 3]), as_labels([1, 0, 2, 3])[0]).tolist() == [
        1, 0, 1, 0,
    ]  # fmt: skip


def test_names_are_one_to_one_where_a_head_splits_a_cluster():
    head = as_labels([0, 0, 0, 2, 2, 1, 1, 1])
    votes = HeadVotes.of(head, as_labels([0, 0, 0, 0, 0, 1, 1, 1])[0], 3)
    assert votes.names.tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("seed", range(3))
def test_heads_of_more_clusters_than_their_consensus(seed, make_heads):
    """Such as heads that are named, where clusters are not merged."""
    _, heads = make_heads(seed, n_images=300, error=0.4)
    heads[::2] += 10 * (np.arange(300) % 2)
    result = consensus(heads, 10)
    votes = HeadVotes.of(heads, result.labels, 10)
    assert votes.names.shape == (10, 20)
    np.testing.assert_array_equal(votes.confidence(heads, result.labels), result.confidence)


@pytest.mark.parametrize("seed", range(3))
def test_votes_before_merging_are_those_of_the_merged_clusters(seed):
    rng = np.random.default_rng(seed)
    sizes = [9, 4, 7, 12]
    mappings = [rng.integers(0, 4, size).astype(np.int32) for size in sizes]
    names = np.stack([rng.permutation(4) for _ in sizes]).astype(np.int32)
    names[2, 1] = -1
    own = np.stack([rng.integers(0, size, 60) for size in sizes]).astype(np.int32)
    own[:, 0] = own[1, 7] = -1
    merged = np.stack(
        [
            np.where(head >= 0, mapping[head], -1)
            for mapping, head in zip(mappings, own, strict=True)
        ]
    )
    clusters = rng.integers(-1, 4, 60).astype(np.int32)
    votes = HeadVotes(names, rng.integers(0, 9, len(sizes)))
    before = votes.before_merging(mappings)
    assert before.names.shape == (4, 12)
    assert before.names.dtype == np.int32
    np.testing.assert_array_equal(
        before.confidence(own, clusters), votes.confidence(merged, clusters)
    )
    assert votes.confidence(merged, clusters).any()


def test_clusters_without_images_have_no_name_before_merging():
    votes = HeadVotes(as_labels([1, 0], [0, -1]), np.array([1, 2]))
    before = votes.before_merging([np.int32([0, -1, 1, 0]), np.int32([1, 0, -1])])
    assert before.names.tolist() == [[1, -1, 0, 1], [-1, 0, -1, -1]]
    assert before.votes.tolist() == [1, 2]
    # A new image may land in a cluster that no image of the consensus did: the head is heard.
    found = before.confidence(as_labels([1, 0], [1, 2]), as_labels([1, 1])[0])
    np.testing.assert_allclose(found, [0, 1 / 3])


def test_clusters_of_heads_are_named_after_what_has_most_of_them():
    labels = np.array([[0, 0, 0, 1, 1, 3, -1], [2, 2, 1, 1, 1, 0, 0]], np.int32)
    clusters = np.array([1, 1, 0, 0, 2, -1, 2], np.int32)
    votes = HeadVotes(np.zeros((2, 4), np.int32), np.array([2, 1]))
    named = votes.named_after(labels, clusters, 3)
    assert named.names.tolist() == [[1, 0, -1, -1], [2, 0, 1, -1]]
    assert named.votes.tolist() == [2, 1]
    confidence = named.confidence(labels, clusters)
    np.testing.assert_allclose(confidence, [1, 1, 1 / 3, 1, 0, 0, 1])
