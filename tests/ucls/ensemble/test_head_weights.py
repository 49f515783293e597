import numpy as np
import pytest

from ucls.ensemble.head_weights import (
    LARGEST_VOTE,
    agreement_weights,
    as_votes,
    loss_weights,
)


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


def log_odds(agreed, n_known, n_clusters):
    share = (agreed + 0.5) / (n_known + 1)
    return np.log((n_clusters - 1) * share / (1 - share))


def test_agreement_weights_are_the_log_odds():
    clustering = as_labels([0, 1, 2, 0, 1, 2, -1])[0]
    aligned = as_labels(
        [0, 1, 2, 0, 1, 2, 0],  # agrees on 6 of 6
        [0, 1, 2, 0, 2, 1, 1],  # on 4 of 6
        [0, 1, -1, -1, -1, 0, -1],  # on 2 of 3
    )
    expected = [log_odds(6, 6, 3), log_odds(4, 6, 3), log_odds(2, 3, 3)]
    assert agreement_weights(aligned, clustering) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_agreement_weights_of_many_images_approach_the_closed_form(seed):
    rng = np.random.default_rng(seed)
    clustering = rng.integers(0, 5, 40_000).astype(np.int32)
    rights = np.array([0.95, 0.6, 0.3])
    others = (clustering + rng.integers(1, 5, clustering.shape)) % 5
    aligned = np.where(rng.random((3, 40_000)) < rights[:, None], clustering, others)
    expected = np.log(4 * rights / (1 - rights))
    assert agreement_weights(aligned.astype(np.int32), clustering) == pytest.approx(
        expected, abs=0.1
    )


def test_heads_no_better_than_chance_get_no_weight():
    clustering = as_labels([0, 0, 0, 1, 1, 1])[0]
    aligned = as_labels([0, 0, 0, 1, 1, 1], [1, 1, 0, 0, 0, 1], [-1] * 6)
    weights = agreement_weights(aligned, clustering)
    assert weights[0] > 0
    assert weights[1:].tolist() == [0, 0]


def test_if_no_head_is_better_than_chance_all_count_alike():
    clustering = as_labels([0, 0, 1, 1])[0]
    aligned = as_labels([1, 1, 0, 0], [1, 1, 0, 1])
    assert agreement_weights(aligned, clustering).tolist() == [1, 1]


def test_loss_weights_are_e_times_more_for_one_standard_deviation_less():
    weights = loss_weights([1.0, 3.0])  # mean 2, standard deviation 1
    assert weights == pytest.approx([np.e, 1 / np.e])
    assert loss_weights([4.0, 5.0, 6.0])[1] == pytest.approx(1.0)


def test_loss_weights_do_not_depend_on_scale_and_offset():
    losses = np.random.default_rng(0).random(8)
    weights = loss_weights(losses)
    assert loss_weights(100 * losses - 7) == pytest.approx(weights)
    assert np.array_equal(np.argsort(-weights), np.argsort(losses))


@pytest.mark.parametrize("losses", [[0.5], [2.0, 2.0, 2.0]])
def test_equal_losses_give_equal_weights(losses):
    assert loss_weights(losses).tolist() == [1.0] * len(losses)


def test_votes_are_whole_and_at_least_one():
    aligned, clustering = as_labels([0, 1], [0, 1], [0, 1]), as_labels([0, 1])[0]
    votes = as_votes(np.array([2.0, 1.0, 1e-12]), aligned, clustering)
    assert votes.tolist() == [LARGEST_VOTE, LARGEST_VOTE // 2, 1]
    assert votes.dtype == np.int64


def test_only_the_ratios_of_weights_count():
    aligned, clustering = as_labels([0, 1], [0, 1]), as_labels([0, 1])[0]
    first, second = (as_votes(s * np.array([3.0, 4.0]), aligned, clustering) for s in (1, 1e200))
    assert np.array_equal(first, second)


def test_equal_weights_need_no_votes():
    aligned = as_labels([0, 1], [0, 1])
    assert as_votes(None, aligned, aligned[0]) is None


def test_votes_by_agreement_use_the_clustering():
    clustering = as_labels([0, 1, 2, 0, 1, 2])[0]
    aligned = as_labels([0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 2, 1])
    ratio = log_odds(4, 6, 3) / log_odds(6, 6, 3)
    votes = as_votes("agreement", aligned, clustering)
    assert votes / LARGEST_VOTE == pytest.approx([1.0, ratio], abs=1e-6)
