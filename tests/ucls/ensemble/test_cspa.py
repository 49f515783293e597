import numpy as np
import pytest

from ucls.ensemble import cspa as module
from ucls.ensemble.cspa import cspa, estimate_edges, similarity_graph
from ucls.ensemble.hypergraph import merge_identical, split_rows
from ucls.ensemble.partitioning import loose_imbalance
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy

some_seeds = pytest.mark.parametrize("seed", range(4))


def shared_clusters(incidence):
    """H S: how many heads put two images together, without the diagonal."""
    shared = incidence @ incidence.T
    np.fill_diagonal(shared, 0)
    return shared


def few_kinds(seed):
    """Heads whose images have at most 3 * 2 * 3 different rows."""
    rng = np.random.default_rng(seed)
    heads = [rng.integers(-1, 2, 90), rng.integers(0, 2, 90), rng.integers(-1, 2, 90)]
    heads[0][(heads[2] == -1) & (heads[0] == -1)] = 0
    return np.stack(heads).astype(np.int32)


def cut(weights, parts):
    return np.sum(weights[parts[:, None] != parts]) / 2


@some_seeds
@pytest.mark.parametrize("missing", [True, False])
def test_the_graph_is_the_share_of_heads_that_put_two_images_together(
    seed, missing, random_heads, dense_incidence
):
    heads = random_heads(seed, missing=missing)
    expected = shared_clusters(dense_incidence(heads)) / 4
    graph = similarity_graph(heads)
    assert np.array_equal(graph.toarray(), expected.astype(np.float32))
    assert graph.nnz == np.count_nonzero(expected)


@some_seeds
def test_metis_gets_that_graph_where_no_images_are_alike(
    seed, metis, dense_adjacency, dense_incidence, random_heads
):
    heads = np.unique(random_heads(seed), axis=1)
    labels = cspa(heads, 4, seed=seed)
    assert np.array_equal(dense_adjacency(metis.graph), shared_clusters(dense_incidence(heads)))
    assert metis.graph.vertex_weights.tolist() == [1] * heads.shape[1]
    assert np.array_equal(labels, metis.parts)
    assert metis.n_parts == 4
    assert metis.options.seed == seed


@pytest.fixture(params=[1, 4])
def vertices(request, monkeypatch):
    """The vertex of each image, where a vertex may have a whole cluster or a quarter of one."""
    monkeypatch.setattr(module, "PARTS_PER_CLUSTER", request.param)

    def find(heads, n_clusters):
        n_largest = heads.shape[1] // (n_clusters * request.param)
        return split_rows(merge_identical(heads), n_largest).row_of_image

    return find


@some_seeds
def test_merged_images_weigh_as_much_as_all_of_them(
    seed, vertices, metis, dense_adjacency, dense_incidence
):
    heads = few_kinds(seed)
    cspa(heads, 3)
    vertex = vertices(heads, 3)
    assert vertex.max() + 1 < 90
    shared = dense_incidence(heads) @ dense_incidence(heads).T
    expected = np.zeros((vertex.max() + 1, vertex.max() + 1))
    np.add.at(expected, (vertex[:, None], vertex), shared)
    np.fill_diagonal(expected, 0)
    assert np.array_equal(dense_adjacency(metis.graph), expected)
    assert np.array_equal(metis.graph.vertex_weights, np.bincount(vertex))


@some_seeds
def test_every_partition_cuts_the_merged_graph_as_the_whole(
    seed, vertices, metis, dense_adjacency, dense_incidence
):
    heads = few_kinds(seed)
    labels = cspa(heads, 3)
    vertex = vertices(heads, 3)
    whole, merged = shared_clusters(dense_incidence(heads)), dense_adjacency(metis.graph)
    own = np.zeros(vertex.max() + 1, dtype=np.int32)
    own[vertex] = labels
    assert np.array_equal(own[vertex], labels)
    rng = np.random.default_rng(seed)
    for parts in rng.integers(0, 3, (5, vertex.max() + 1)):
        assert cut(merged, parts) == cut(whole, parts[vertex]) > 0
    assert cut(merged, own) == cut(whole, labels)


def test_no_vertex_is_a_large_part_of_a_cluster(metis):
    heads = np.repeat(np.array([[0, 1, 2], [0, 2, 1]]), 400, axis=1)
    cspa(heads.astype(np.int32), 3)
    assert metis.graph.vertex_weights.max() == 400 // module.PARTS_PER_CLUSTER
    assert metis.graph.vertex_weights.sum() == 1200


@some_seeds
def test_the_number_of_edges_is_exact_for_few_images(seed, random_heads):
    heads = random_heads(seed)
    assert estimate_edges(heads) == similarity_graph(heads).nnz


@some_seeds
def test_the_number_of_edges_is_estimated_for_many(seed, random_heads, monkeypatch):
    monkeypatch.setattr(module, "LABELS_TO_SAMPLE", 300 * 4 * 2000)
    heads = random_heads(seed, n_images=2000)
    estimated, exact = estimate_edges(heads, seed=seed), similarity_graph(heads).nnz
    assert estimated != exact
    assert estimated == pytest.approx(exact, rel=0.05)


def test_a_graph_that_does_not_fit_is_refused_before_it_is_made(
    little_memory, metis, monkeypatch, random_heads
):
    monkeypatch.delattr(module, "similarity_graph")
    with pytest.raises(
        UsageError, match=r"cspa would need about .* GB .* pairs of images"
    ) as caught:
        cspa(random_heads(0), 4)
    assert "\n" not in str(caught.value)
    assert metis.n_calls == 0


def test_images_that_share_nothing_are_an_error():
    heads = np.array([[0, 1, 2, 3], [0, 1, 2, 3]], dtype=np.int32)
    with pytest.raises(UsageError, match="CSPA has nothing to link"):
        cspa(heads, 2)


def test_the_balance_is_as_loose_as_the_heads_unless_told(metis, make_heads):
    _, heads = make_heads(0, n_images=100, shares=np.array([0.19] + [0.09] * 9))
    cspa(heads, 10)
    assert metis.options.ufactor == round(1000 * loose_imbalance(heads, 10))
    assert 300 < metis.options.ufactor < 1000
    cspa(heads, 10, imbalance=0.2)
    assert metis.options.ufactor == 200


@some_seeds
def test_noisy_heads_are_put_right(seed, make_heads):
    truth, heads = make_heads(seed, n_images=500)
    assert clustering_accuracy(truth, cspa(heads, 10, seed=seed)) > 0.85
