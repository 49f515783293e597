from itertools import permutations

import numpy as np
import pytest

from ucls.ensemble import alignment
from ucls.ensemble.alignment import align, count_votes, majority, revote
from ucls.ensemble.label_matrix import compact


def as_labels(*heads):
    return np.array(heads, dtype=np.int32)


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
