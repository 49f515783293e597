import numpy as np
import pytest

from ucls.ensemble.alignment import align, majority
from ucls.ensemble.consensus import consensus
from ucls.ensemble.label_matrix import compact
from ucls.ensemble.mcla import cluster_graph, collapse, fill_told, keep_filled, mcla
from ucls.ensemble.partitioning import partition, weigh_edges
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy


@pytest.fixture
def jaccard(dense_incidence):
    """Images in both over images in either, of all clusters of all heads."""

    def graph(heads):
        incidence = dense_incidence(heads)
        shared = incidence.T @ incidence
        sizes = incidence.sum(axis=0)
        jaccard = shared / (sizes[:, None] + sizes - shared)
        np.fill_diagonal(jaccard, 0.0)
        return jaccard

    return graph


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_jaccard", [0.0, 0.1, 0.2])
@pytest.mark.parametrize("missing", [True, False])
def test_the_graph_is_the_jaccard_measure_of_all_clusters(
    seed, min_jaccard, missing, random_heads, jaccard
):
    heads = random_heads(seed, missing=missing)
    expected = jaccard(heads)
    expected[expected < min_jaccard] = 0.0
    graph = cluster_graph(heads, min_jaccard=min_jaccard)
    assert np.array_equal(graph.toarray(), expected)
    assert graph.nnz == np.count_nonzero(expected)
    assert graph.has_sorted_indices


@pytest.mark.parametrize("seed", range(5))
def test_images_go_to_the_meta_cluster_of_highest_mean_membership(
    seed, random_heads, dense_incidence
):
    heads = random_heads(seed)
    hypergraph = dense_incidence(heads)
    parts = np.random.default_rng(seed).integers(0, 6, hypergraph.shape[1])
    parts[parts == 2] = 3  # an empty meta-cluster
    association = np.zeros((len(hypergraph), 6))
    for part in set(parts.tolist()):
        association[:, part] = hypergraph[:, parts == part].mean(axis=1)
    expected = np.where((heads < 0).all(axis=0), -1, association.argmax(axis=1))
    assert np.array_equal(collapse(heads, parts, 6), expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("min_jaccard", [0.0, 0.15])
def test_metis_gets_that_graph(
    seed, missing, min_jaccard, *, metis, random_heads, jaccard, dense_adjacency
):
    heads = random_heads(seed, missing=missing)
    mcla(heads, 4, seed=seed, min_jaccard=min_jaccard)
    expected = jaccard(heads)
    expected[expected < min_jaccard] = 0.0
    assert np.array_equal(dense_adjacency(metis.graph), np.rint(10_000 * expected))
    assert (metis.n_parts, metis.options.seed, metis.options.ufactor) == (4, seed, -1)
    assert metis.graph.vertex_weights is None


@pytest.mark.parametrize("seed", range(4))
def test_vertices_weigh_their_images_if_asked(seed, metis, random_heads, dense_incidence):
    heads = random_heads(seed)
    mcla(heads, 4, vertex_weights="size")
    assert np.array_equal(metis.graph.vertex_weights, dense_incidence(heads).sum(axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_unit_weights_are_better_on_unequal_classes(seed, make_heads):
    shares = np.array([0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01])
    truth, heads = make_heads(seed, shares=shares)
    unit, size = (
        clustering_accuracy(truth, mcla(heads, 10, vertex_weights=weights, revote=False))
        for weights in ("unit", "size")
    )
    assert unit > 0.95
    assert unit > size + 0.05


def test_clusters_without_any_overlap_are_an_error():
    heads = np.array([[0, 1, -1, -1], [-1, -1, 0, 1]], dtype=np.int32)
    with pytest.raises(UsageError, match="nothing to link: lower min_jaccard"):
        mcla(heads, 2, min_jaccard=0.0)


def test_min_jaccard_drops_weak_links():
    heads = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], dtype=np.int32)
    assert set(mcla(heads, 2, min_jaccard=0.3).tolist()) <= {0, 1}
    with pytest.raises(UsageError, match=r"overlap of 0\.4 or more"):
        mcla(heads, 2, min_jaccard=0.4)


def test_without_revote_the_answer_is_the_collapsed_graph(random_heads):
    heads = random_heads(0)
    collapsed = collapse(heads, partition(weigh_edges(cluster_graph(heads)), 4, seed=3), 4)
    assert np.array_equal(mcla(heads, 4, seed=3, min_jaccard=0.0, revote=False), collapsed)


@pytest.mark.parametrize("seed", range(3))
def test_revote_gives_a_fixed_point(seed):
    heads = np.random.default_rng(seed).integers(0, 6, (9, 200)).astype(np.int32)
    labels = mcla(heads, 6, seed=seed)
    assert np.array_equal(majority(align(heads, labels, 6), labels, 6), labels)
    assert not np.array_equal(labels, mcla(heads, 6, seed=seed, revote=False))


def test_heads_may_have_other_numbers_of_clusters(make_heads):
    truth, heads = make_heads(0, n_heads=9)
    split = compact(heads[0] + 10 * (np.random.default_rng(0).random(2000) < 0.5))
    merged = compact(np.minimum(heads[1], 6))
    mixed = np.vstack([split, merged, heads[2:]])
    labels = mcla(mixed, 10)
    assert clustering_accuracy(truth, labels) > 0.98


def test_the_heads_weights_count_in_the_second_vote():
    heads = np.random.default_rng(0).integers(0, 4, (6, 100)).astype(np.int32)
    weights = np.ones(6)
    weights[2] = 1e6
    labels = mcla(heads, 4, weights=weights)
    assert np.array_equal(align(heads[2:3], labels, 4)[0], labels)
    assert not np.array_equal(labels, mcla(heads, 4))
    assert np.array_equal(
        mcla(heads, 4, weights=weights, revote=False), mcla(heads, 4, revote=False)
    )


def test_a_cluster_that_the_vote_empties_keeps_what_it_had():
    voted = np.int32([0, 0, 0, 0, 1, 1, 1, -1])
    collapsed = np.int32([0, 0, 2, 2, 1, 1, 1, -1])
    assert keep_filled(voted, collapsed, 3).tolist() == [0, 0, 2, 2, 1, 1, 1, -1]
    assert keep_filled(voted, voted, 3).tolist() == voted.tolist()


def test_a_cluster_that_keeps_a_single_image_gets_the_others_back():
    voted = np.int32([0] * 20 + [0] * 10 + [1])
    collapsed = np.int32([0] * 20 + [1] * 11)
    assert np.array_equal(keep_filled(voted, collapsed, 2), collapsed)


def test_no_other_cluster_is_emptied_for_it():
    voted = np.int32([0, 0, 1, 1])
    assert keep_filled(voted, np.int32([2, 2, 1, 1]), 3).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_cluster_that_only_some_heads_tell_apart_is_kept(seed):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat([0, 1, 2], [100, 60, 12])).astype(np.int32)
    heads = np.stack([truth if head < 2 else np.minimum(truth, 1) for head in range(6)])
    numbers = np.concatenate([np.unique(head) for head in heads])
    assert sorted(np.bincount(mcla(heads, 3), minlength=3)) == [12, 60, 100]
    assert np.array_equal(mcla(heads, 3, numbers=numbers), truth)


@pytest.mark.parametrize("seed", range(5))
def test_a_cluster_that_heads_tell_by_different_images_is_not_empty(seed):
    rng = np.random.default_rng(seed)
    heads = np.zeros((8, 90), dtype=np.int32)
    heads[:, 40:] = 1
    heads[0, 70:80], heads[1, 80:88] = 2, 2
    heads = heads[:, rng.permutation(90)]
    numbers = np.concatenate([np.unique(head) for head in heads])
    collapsed = collapse(heads, numbers, 3)
    assert (mcla(heads, 3, numbers=numbers) == 2).any()
    filled = fill_told(np.minimum(collapsed, 1), heads, numbers, n_clusters=3)
    assert np.array_equal(filled == 2, heads[0] == 2)
    assert np.array_equal(filled[filled < 2], np.minimum(collapsed, 1)[filled < 2])


@pytest.mark.parametrize("seed", [3, 21, 37])
def test_heads_that_each_lump_two_classes_leave_no_cluster_empty(seed):
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.repeat(np.arange(8, dtype=np.int32), 25))
    heads = []
    for _ in range(4):
        head = classes.copy()
        one, other = rng.choice(8, 2, replace=False)
        head[head == other] = one
        torn = rng.choice([number for number in range(8) if number not in (one, other)])
        head[rng.choice(np.flatnonzero(classes == torn), 6, replace=False)] = other
        heads.append(rng.permutation(8)[head].astype(np.int32))
    assert len(np.unique(consensus(np.stack(heads), 8, method="mcla").labels)) == 8


def test_what_no_head_tells_stays_empty():
    heads = np.int32([[0, 0, 1, 1], [0, 1, 1, 1]])
    numbers = np.int64([0, 1, 0, 1])
    collapsed = np.int32([0, 0, 1, 1])
    assert np.array_equal(fill_told(collapsed, heads, numbers, n_clusters=3), collapsed)


def test_known_numbers_group_the_clusters():
    heads = np.int32([[0, 0, 1, 1], [1, 1, 0, 0]])
    numbers = np.int64([0, 1, 1, 0])
    assert mcla(heads, 2, numbers=numbers).tolist() == [0, 0, 1, 1]
