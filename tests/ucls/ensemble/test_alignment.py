from itertools import permutations

import numpy as np
import pytest

from ucls.ensemble import alignment
from ucls.ensemble.alignment import (
    agreement,
    align,
    count_votes,
    majority,
    revote,
    share_in_common,
)
from ucls.ensemble.label_matrix import compact

some_seeds = pytest.mark.parametrize("seed", range(4))


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


def brute_force(aligned, n_clusters, votes):
    """Votes for each label of each image, added one by one: [N, C]."""
    counts = np.zeros((aligned.shape[1], n_clusters), dtype=np.int64)
    for head, n_votes in zip(aligned, votes, strict=True):
        for image, label in enumerate(head):
            if label >= 0:
                counts[image, label] += n_votes
    return counts


def drawn(seed):
    """Aligned heads with missing labels, one image missing everywhere, and votes per head."""
    rng = np.random.default_rng(seed)
    aligned = rng.integers(-1, 4, (7, 53)).astype(np.int32)
    aligned[:, 11] = -1
    return aligned, rng.integers(1, 2**20, 7)


@pytest.mark.parametrize("seed", range(5))
def test_align_finds_the_best_one_to_one_mapping(seed):
    rng = np.random.default_rng(seed)
    head, reference = rng.integers(0, 5, (2, 40)).astype(np.int32)
    best = max(np.sum(np.array(mapping)[head] == reference) for mapping in permutations(range(5)))
    aligned = align(head[None], reference, 5)[0]
    assert np.sum(aligned == reference) == best
    assert len(set(zip(head.tolist(), aligned.tolist(), strict=True))) == 5


def test_align_undoes_a_permutation_of_every_head():
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 6, 50).astype(np.int32)
    heads = np.stack([rng.permutation(6)[reference] for _ in range(4)]).astype(np.int32)
    assert (align(heads, reference, 6) == reference).all()


def test_surplus_clusters_go_to_the_cluster_they_overlap_most():
    reference = as_labels([0, 0, 0, 0, 0, 1, 1, 1])[0]
    heads = as_labels([0, 0, 0, 2, 2, 1, 1, 1])
    assert align(heads, reference, 2).tolist() == [reference.tolist()]


def test_a_head_with_fewer_clusters_stays_one_to_one():
    reference = as_labels([0, 0, 1, 1, 2, 2, 2])[0]
    heads = as_labels([1, 1, 1, 1, 0, 0, 0])
    assert align(heads, reference, 3).tolist() == [[0, 0, 0, 0, 2, 2, 2]]


def test_align_ignores_missing_labels_on_both_sides():
    reference = as_labels([0, 0, -1, -1, -1, 1])[0]
    heads = as_labels([1, -1, 0, 0, 0, 0])
    assert align(heads, reference, 2).tolist() == [[0, -1, 1, 1, 1, 1]]


@pytest.mark.parametrize("votes_per_chunk", [1, 20, 10**6])
def test_votes_equal_brute_force_for_any_chunk(votes_per_chunk, monkeypatch):
    monkeypatch.setattr(alignment, "VOTES_PER_CHUNK", votes_per_chunk)
    aligned = np.random.default_rng(0).integers(-1, 4, (7, 23)).astype(np.int32)
    votes = np.full((23, 5), -1)
    for rows, chunk in count_votes(aligned, 4):
        votes[rows] = chunk
    assert (votes[:, 0] == 0).all()
    expected = [[np.sum(image == label) for label in range(4)] for image in aligned.T]
    assert np.array_equal(votes[:, 1:], expected)


def test_majority_keeps_the_current_label_on_a_tie_else_takes_the_lowest():
    aligned = as_labels([0, 2, 1, 2, -1], [0, 1, 2, 1, -1], [1, -1, -1, -1, -1])
    current = as_labels([1, 2, 0, -1, -1])[0]
    assert majority(aligned, current, 3).tolist() == [0, 2, 1, 1, -1]


@pytest.mark.parametrize("seed", range(3))
def test_revote_ends_in_a_fixed_point(seed, make_heads):
    _, heads = make_heads(seed, n_images=500, error=0.4)
    start = compact(np.random.default_rng(seed).integers(0, 10, 500))
    final = revote(heads, start, 10, max_rounds=200)
    assert not np.array_equal(final, start)
    assert np.array_equal(majority(align(heads, final, 10), final, 10), final)
    assert np.array_equal(revote(heads, final, 10), final)


def test_revote_never_lowers_the_agreement(make_heads):
    _, heads = make_heads(0, n_images=500, error=0.4)
    clustering = compact(np.random.default_rng(0).integers(0, 10, 500))
    agreements = []
    for _ in range(5):
        agreements.append(np.sum(align(heads, clustering, 10) == clustering))
        clustering = revote(heads, clustering, 10, max_rounds=1)
    assert agreements == sorted(agreements)
    assert agreements[-1] > agreements[0]


def test_revote_stops_after_the_given_rounds(make_heads):
    _, heads = make_heads(0, n_images=500)
    start = compact(np.random.default_rng(0).integers(0, 10, 500))
    assert np.array_equal(revote(heads, start, 10, max_rounds=0), start)


@some_seeds
@pytest.mark.parametrize("votes_per_chunk", [1, 20, 10**6])
def test_weighted_votes_equal_brute_force_for_any_chunk(seed, votes_per_chunk, monkeypatch):
    monkeypatch.setattr(alignment, "VOTES_PER_CHUNK", votes_per_chunk)
    aligned, votes = drawn(seed)
    found = np.full((53, 5), -1)
    for rows, chunk in count_votes(aligned, 4, votes=votes):
        found[rows] = chunk
    assert (found[:, 0] == 0).all()
    assert np.array_equal(found[:, 1:], brute_force(aligned, 4, votes))


@some_seeds
def test_a_weighted_majority_equals_brute_force(seed):
    aligned, votes = drawn(seed)
    counts = brute_force(aligned, 4, votes)
    expected = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    current = np.full(53, -1, dtype=np.int32)
    assert np.array_equal(majority(aligned, current, 4, votes=votes), expected)
    assert not np.array_equal(majority(aligned, current, 4), expected)


@some_seeds
def test_the_order_of_the_heads_does_not_matter(seed):
    aligned, votes = drawn(seed)
    order = np.random.default_rng(seed).permutation(7)
    current = np.full(53, -1, dtype=np.int32)
    one, other = (
        majority(aligned[heads], current, 4, votes=votes[heads]) for heads in (range(7), order)
    )
    assert np.array_equal(one, other)
    one, other = (agreement(aligned[heads], one, votes=votes[heads]) for heads in (range(7), order))
    assert np.array_equal(one, other)


@some_seeds
@pytest.mark.parametrize("weighted", [True, False])
def test_agreement_is_the_share_of_the_votes_behind_a_label(seed, weighted):
    aligned, votes = drawn(seed)
    clustering = np.random.default_rng(seed).integers(-1, 4, 53).astype(np.int32)
    counts = brute_force(aligned, 4, votes if weighted else [1] * 7)
    behind = np.where(clustering >= 0, counts[np.arange(53), clustering], 0)
    expected = behind / np.maximum(counts.sum(axis=1), 1)
    found = agreement(aligned, clustering, votes=votes if weighted else None)
    assert found == pytest.approx(expected)
    assert found.dtype == np.float32
    assert found[11] == 0


@some_seeds
def test_revote_with_weights_ends_in_a_fixed_point(seed, make_heads):
    _, heads = make_heads(seed, n_images=500, error=0.4)
    weights = np.random.default_rng(seed).random(10) + 0.1
    start = compact(np.random.default_rng(seed).integers(0, 10, 500))
    final = revote(heads, start, 10, weights=weights, max_rounds=200)
    assert np.array_equal(revote(heads, final, 10, weights=weights), final)
    assert not np.array_equal(final, revote(heads, start, 10, max_rounds=200))


@some_seeds
def test_share_in_common_equals_the_best_renaming(seed):
    first, second = np.random.default_rng(seed).integers(-1, 4, (2, 60)).astype(np.int32)
    known = (first >= 0) & (second >= 0)
    best = max(
        np.mean(np.array(names)[first[known]] == second[known]) for names in permutations(range(4))
    )
    assert share_in_common(first, second, 4) == pytest.approx(best)
    assert share_in_common(second, first, 4) == pytest.approx(best)


def test_share_in_common_of_renamed_and_of_disjoint_clusterings():
    labels = as_labels([0, 2, 1, -1, 2])[0]
    assert share_in_common(labels, as_labels([1, 0, 2, 2, 0])[0], 3) == 1.0
    assert share_in_common(as_labels([0, -1])[0], as_labels([-1, 0])[0], 2) == 0.0
    assert share_in_common(as_labels([0, 0, 1, 1])[0], as_labels([3, 3, 3, 3])[0], 5) == 0.5
