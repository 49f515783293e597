import numpy as np
import pytest
from scipy.sparse import csr_array

from ucls.ensemble import partitioning
from ucls.ensemble.partitioning import (
    LARGEST_WEIGHT,
    Adjacency,
    loose_imbalance,
    partition,
    scale_weights,
    weigh_edges,
)


def random_graph(seed, n_vertices=30, density=0.3):
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((n_vertices, n_vertices)), 1)
    upper[rng.random(upper.shape) > density] = 0.0
    return csr_array(upper + upper.T)


@pytest.mark.parametrize("seed", range(4))
def test_the_edges_stay_and_their_weights_are_whole_numbers(seed, dense_adjacency):
    graph = random_graph(seed)
    graph.data[graph.data < 0.1] *= 1e-9
    found = dense_adjacency(weigh_edges(graph))
    expected = np.rint(graph.toarray() * LARGEST_WEIGHT)
    expected[(graph.toarray() > 0) & (expected == 0)] = 1
    assert np.array_equal(found, expected)
    assert (found == 1).any()


def test_weights_fit_into_the_integers_of_metis(monkeypatch):
    graph = csr_array(np.ones((600, 600)) - np.eye(600))
    assert weigh_edges(graph).edge_weights.sum() > 2**31
    monkeypatch.setattr(partitioning, "_integer", lambda: np.int32)
    weights = weigh_edges(graph).edge_weights
    assert 2**28 < weights.sum() < 2**31
    assert len(set(weights.tolist())) == 1


def test_vertex_weights_are_passed_on():
    weights = np.arange(1, 31)
    assert weigh_edges(random_graph(0), weights).vertex_weights is weights
    assert weigh_edges(random_graph(0)).vertex_weights is None


def test_metis_gets_the_graph_the_seed_and_the_balance(metis, dense_adjacency):
    weights = np.arange(1, 31)
    graph = weigh_edges(random_graph(0), weights)
    parts = partition(graph, 4, seed=12, imbalance=0.25)
    assert np.array_equal(dense_adjacency(metis.graph), dense_adjacency(graph))
    assert np.array_equal(metis.graph.vertex_weights, weights)
    assert (metis.n_parts, metis.options.seed, metis.options.ufactor) == (4, 12, 250)
    assert np.array_equal(parts, metis.parts)


def test_of_several_cuts_the_lightest_is_kept():
    links = random_graph(0, n_vertices=400, density=0.05)
    graph, edges = weigh_edges(links), links.tocoo()

    def weight(seed, n_cuts):
        parts = partition(graph, 6, seed=seed, imbalance=0.3, n_cuts=n_cuts)
        return edges.data[parts[edges.row] != parts[edges.col]].sum()

    one = np.array([weight(seed, 1) for seed in range(2, 8)])
    lightest = np.array([weight(seed, 8) for seed in range(2, 8)])
    assert (lightest <= one).all()
    assert lightest.mean() < one.mean()


def test_weights_may_be_left_out(metis):
    graph = weigh_edges(random_graph(0))
    partition(Adjacency(graph.starts, graph.neighbors), 4)
    assert metis.graph.edge_weights is None
    assert metis.graph.vertex_weights is None
    assert metis.options.ufactor == -1  # METIS's own


def test_parts_are_cliques_where_there_are_cliques():
    clique = np.ones((6, 6)) - np.eye(6)
    parts = partition(weigh_edges(csr_array(np.kron(np.eye(4), clique))), 4, seed=0)
    assert len(set(parts.tolist())) == 4
    assert all(len(set(group)) == 1 for group in parts.reshape(4, 6).tolist())


def test_heavy_edges_stay_together():
    strong = np.kron(np.eye(5), np.ones((4, 4)) - np.eye(4))
    graph = csr_array(strong + 0.05 * (1 - np.kron(np.eye(5), np.ones((4, 4)))))
    parts = partition(weigh_edges(graph), 5, seed=0)
    assert all(len(set(group)) == 1 for group in parts.reshape(5, 4).tolist())


@pytest.mark.parametrize("n_parts", [2, 3, 5, 8, 12])
def test_a_part_exceeds_the_mean_by_no_more_than_asked(n_parts):
    graph = weigh_edges(random_graph(0, n_vertices=480, density=0.05))
    for imbalance in (None, 0.1, 0.5):
        parts = partition(graph, n_parts, imbalance=imbalance)
        allowed = 0.03 if imbalance is None else imbalance
        assert np.bincount(parts).max() <= np.ceil((1 + allowed) * 480 / n_parts)


def test_weights_of_vertices_are_balanced():
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 20, 400)
    parts = partition(weigh_edges(random_graph(0, 400, 0.05), weights), 4)
    loads = np.bincount(parts, weights)
    assert loads.max() <= 1.04 * loads.mean()
    unweighted = partition(weigh_edges(random_graph(0, 400, 0.05)), 4)
    assert np.bincount(unweighted, weights).max() > 1.04 * loads.mean()


def test_no_more_vertices_than_parts_stay_apart():
    graph = weigh_edges(csr_array(np.ones((3, 3)) - np.eye(3)))
    assert partition(graph, 3).tolist() == [0, 1, 2]
    assert partition(graph, 7).tolist() == [0, 1, 2]


def test_an_empty_part_gets_a_side_of_what_holds_together_least(monkeypatch):
    cliques = np.repeat(np.arange(5), [14, 6, 6, 6, 6])
    links = np.where(cliques[:, None] == cliques, 1.0, 0.01) - np.eye(len(cliques))
    graph = weigh_edges(csr_array(links))
    metis = partitioning._metis

    def merge(*arguments, recursive, **options):
        if recursive:
            return metis(*arguments, recursive=recursive, **options)
        return np.array([0, 1, 1, 4, 4])[cliques]

    monkeypatch.setattr(partitioning, "_metis", merge)
    parts = partition(graph, 5)
    assert len(set(zip(cliques.tolist(), parts.tolist(), strict=True))) == 5


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_gives_the_same_parts(seed):
    graph = weigh_edges(random_graph(seed, 300, 0.1))
    first, second, other = (partition(graph, 3, seed=s) for s in (seed, seed, seed + 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


METIS_CORNERS = """
import numpy as np
from scipy.sparse import csr_array
from ucls.ensemble.partitioning import partition, weigh_edges

rng = np.random.default_rng(0)
for seed in range(600):
    n_vertices = int(rng.integers(3, 40))
    n_parts = int(rng.integers(2, n_vertices + 3))
    upper = np.triu(rng.random((n_vertices, n_vertices)), 1)
    upper[rng.random(upper.shape) > rng.choice([0.02, 0.1, 0.5, 1.0])] = 0
    upper[0, 1] = 1e-9
    imbalance = (None, 0.3, 1.0)[seed % 3]
    parts = partition(weigh_edges(csr_array(upper + upper.T)), n_parts, seed=seed,
                      imbalance=imbalance)
    assert parts.shape == (n_vertices,)
    assert 0 <= parts.min() <= parts.max() < n_parts
    assert len(np.unique(parts)) == min(n_parts, n_vertices)
"""


@pytest.mark.slow
def test_isolated_vertices_and_small_graphs_fill_all_parts_and_print_nothing(python):
    assert python(METIS_CORNERS) == ""


@pytest.mark.parametrize(
    ("sizes", "n_parts", "expected"),
    [([5, 5], 2, 0.03), ([8, 2], 2, 0.6), ([9, 1], 2, 0.8), ([7, 1, 1, 1], 4, 1.0)],
)
def test_the_loose_balance_is_that_of_the_median_head(sizes, n_parts, expected):
    head = np.repeat(np.arange(len(sizes)), sizes)
    equal, missing = np.arange(10) % 2, np.where(np.arange(10) < 9, head, -1)
    heads = np.stack([head, head, equal]).astype(np.int32)
    assert loose_imbalance(heads, n_parts) == pytest.approx(expected)
    assert loose_imbalance(missing[None].astype(np.int32), n_parts) <= 1.0


def test_large_weights_are_scaled_until_metis_can_add_them_up():
    weights = np.array([1.0, 2.0, 0.01])
    assert scale_weights(weights, 100.0).tolist() == [100, 200, 1]
    huge = scale_weights(weights * 1e19, 1.0)
    assert huge.sum() <= np.iinfo(np.int64).max // 2
    assert huge[1] == pytest.approx(2 * huge[0])
