import numpy as np
import pytest

from ucls.ensemble import consensus
from ucls.ensemble.alignment import align
from ucls.ensemble.head_weights import agreement_weights
from ucls.ensemble.methods import METHODS
from ucls.ensemble.preparation import prepare
from ucls.metrics.scores import clustering_accuracy

every_method = pytest.mark.parametrize("method", METHODS)
voting_methods = pytest.mark.parametrize("method", ["mcla", "vote"])
some_seeds = pytest.mark.parametrize("seed", range(3))


@every_method
@some_seeds
def test_confidence_is_the_weighted_share_of_the_heads(method, seed, make_heads):
    _, heads = make_heads(seed, n_images=200, n_heads=6, error=0.5)
    rng = np.random.default_rng(seed)
    heads[rng.random(heads.shape) < 0.2] = -1
    weights = rng.random(6) + 0.1
    result = consensus(heads, 10, method=method, weights=weights)
    agree = align(prepare(heads).labels, result.labels, 10) == result.labels
    for image, confidence in enumerate(result.confidence):
        known = heads[:, image] >= 0
        if known.any():
            share = weights[known & agree[:, image]].sum() / weights[known].sum()
            assert confidence == pytest.approx(share, abs=1e-5)


@every_method
def test_confidence_by_agreement_uses_the_log_odds(method, make_heads):
    _, heads = make_heads(0, n_images=300, n_heads=6, error=0.5)
    result = consensus(heads, 10, method=method, weights="agreement")
    aligned = align(prepare(heads).labels, result.labels, 10)
    weights = agreement_weights(aligned, result.labels)
    expected = weights @ (aligned == result.labels) / weights.sum()
    assert result.confidence == pytest.approx(expected, abs=1e-5)


@voting_methods
def test_a_head_with_a_huge_weight_wins(method):
    heads = np.random.default_rng(0).integers(0, 4, (5, 100))
    weights = [1, 1, 1e9, 1, 1]
    result = consensus(heads, 4, method=method, weights=weights)
    assert clustering_accuracy(heads[2], result.labels) == 1.0
    assert result.confidence == pytest.approx(np.ones(100), abs=1e-5)


@voting_methods
@some_seeds
def test_the_order_of_the_heads_does_not_matter_to_the_votes(method, seed, make_heads):
    _, heads = make_heads(seed, n_images=500, error=0.3)
    rng = np.random.default_rng(seed)
    weights, order = rng.random(10) + 0.1, rng.permutation(10)
    first = consensus(heads, 10, method=method, weights=weights)
    second = consensus(heads[order], 10, method=method, weights=weights[order])
    assert clustering_accuracy(first.labels, second.labels) == 1.0
    assert np.array_equal(first.confidence, second.confidence)


@every_method
def test_equal_numbers_are_equal_weights(method, make_heads):
    _, heads = make_heads(0, n_images=200, error=0.5)
    first = consensus(heads, 10, method=method)
    second = consensus(heads, 10, method=method, weights=np.full(10, 0.3))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.confidence, second.confidence)


@every_method
@pytest.mark.parametrize("said", [7, -1])
def test_weights_of_heads_that_are_left_out_are_dropped(method, said, make_heads):
    _, heads = make_heads(0, n_images=200, n_heads=5, error=0.5)
    weights = [1.0, 5.0, 2.0, 0.3, 1.0]
    without = consensus(heads, 10, method=method, weights=weights)
    more = np.insert(heads, 2, said, axis=0)
    result = consensus(more, 10, method=method, weights=np.insert(weights, 2, 1e6))
    assert np.array_equal(result.labels, without.labels)
    assert np.array_equal(result.confidence, without.confidence)


@voting_methods
@some_seeds
def test_weights_by_agreement_help_where_heads_differ(method, seed, make_heads):
    truth, good = make_heads(seed, n_heads=3, error=0.3)
    bad = np.random.default_rng(seed).integers(0, 10, (6, 2000))
    heads = np.vstack([good, bad])
    equal, weighted = (
        clustering_accuracy(truth, consensus(heads, 10, method=method, weights=weights).labels)
        for weights in ("equal", "agreement")
    )
    assert weighted > equal


@pytest.mark.parametrize("weights", [[1e308, 1.0, 1e-300], [1e-300] * 3, [2, 3, 4]])
def test_weights_of_any_size_are_taken(weights, make_heads):
    _, heads = make_heads(0, n_images=100, n_heads=3)
    for method in ("mcla", "vote"):
        result = consensus(heads, 10, method=method, weights=weights)
        assert np.isfinite(result.confidence).all()
