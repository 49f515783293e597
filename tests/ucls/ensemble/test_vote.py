import numpy as np
import pytest

from ucls.ensemble.alignment import align
from ucls.ensemble.head_weights import agreement_weights
from ucls.ensemble.mutual_information import centrality
from ucls.ensemble.vote import vote
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


def test_the_majority_of_aligned_heads_wins():
    heads = as_labels(
        [0, 0, 0, 1, 1, 1, 2, 2, 2],
        [2, 2, 2, 0, 0, 0, 1, 1, 1],
        [1, 1, 2, 2, 2, 2, 0, 0, 1],
    )
    assert vote(heads, 3).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_most_central_head_names_the_clusters():
    outlier = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    heads = as_labels(outlier, [2, 2, 2, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert vote(heads, 3).tolist() == [2, 2, 2, 0, 0, 0, 1, 1, 1]


def test_the_central_head_fits_into_the_clusters():
    heads = as_labels([0, 0, 1, 2, 3, 3], [0, 0, 1, 2, 3, 3], [0, 0, 0, 1, 1, 1])
    voted = vote(heads, 2)
    assert set(voted.tolist()) <= {0, 1}
    assert voted.tolist() == [0, 0, 0, 1, 1, 1]


def test_too_many_clusters_in_every_head_is_an_error():
    heads = as_labels([0, 1, 2, 3], [0, 0, 1, 2])
    with pytest.raises(UsageError, match="at most n_clusters=2 clusters, the smallest has 3"):
        vote(heads, 2)


def test_images_that_some_heads_miss_are_labelled_by_the_others():
    heads = as_labels([0, 0, 1, 1, -1, -1], [1, 1, 0, 0, 0, -1], [0, 0, 1, 1, 1, -1])
    assert vote(heads, 2).tolist() == [0, 0, 1, 1, 1, -1]


def test_a_head_with_a_huge_weight_wins():
    rng = np.random.default_rng(0)
    heads = rng.integers(0, 3, (5, 60)).astype(np.int32)
    weights = np.array([1.0, 1.0, 1.0, 1e9, 1.0])
    labels = vote(heads, 3, weights=weights)
    assert np.array_equal(align(heads[3:4], labels, 3)[0], labels)


@pytest.mark.parametrize("seed", range(4))
def test_a_weighted_vote_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    heads = rng.integers(0, 4, (6, 200)).astype(np.int32)
    weights = rng.random(6) + 0.1
    aligned = align(heads, heads[centrality(heads).argmax()], 4)
    counts = [[weights[image == label].sum() for label in range(4)] for image in aligned.T]
    assert np.array_equal(vote(heads, 4, weights=weights), np.argmax(counts, axis=1))


@pytest.mark.parametrize("seed", range(4))
def test_weights_by_agreement_are_found_in_a_first_vote(seed, make_heads):
    _, heads = make_heads(seed, n_heads=6, error=0.6)
    heads[4:] = np.random.default_rng(seed).integers(0, 10, (2, 2000))
    equal = vote(heads, 10)
    weights = agreement_weights(align(heads, heads[centrality(heads).argmax()], 10), equal)
    assert np.array_equal(vote(heads, 10, weights="agreement"), vote(heads, 10, weights=weights))


@pytest.mark.parametrize("seed", range(4))
def test_weights_by_agreement_help_where_heads_differ(seed, make_heads):
    truth, good = make_heads(seed, n_heads=3, error=0.3)
    bad = np.random.default_rng(seed).integers(0, 10, (6, 2000)).astype(np.int32)
    heads = np.vstack([good, bad])
    equal, weighted = (
        clustering_accuracy(truth, vote(heads, 10, weights=weights))
        for weights in (None, "agreement")
    )
    assert weighted > equal + 0.01
