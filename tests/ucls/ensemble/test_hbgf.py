import numpy as np
import pytest

from ucls.ensemble import hbgf as module
from ucls.ensemble.hbgf import bipartite_graph, hbgf
from ucls.ensemble.partitioning import loose_imbalance
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy

some_seeds = pytest.mark.parametrize("seed", range(4))


def hybrid(incidence):
    """W = [[0, A'], [A, 0]] of Fern & Brodley, clusters first."""
    n_images, n_clusters = incidence.shape
    weights = np.zeros((n_clusters + n_images, n_clusters + n_images))
    weights[n_clusters:, :n_clusters] = incidence
    return weights + weights.T


@some_seeds
@pytest.mark.parametrize("missing", [True, False])
def test_the_graph_links_each_image_with_the_clusters_that_hold_it(
    seed, missing, random_heads, dense_incidence, dense_adjacency
):
    heads = random_heads(seed, missing=missing)
    graph = bipartite_graph(heads)
    assert np.array_equal(dense_adjacency(graph), hybrid(dense_incidence(heads)))
    assert graph.edge_weights is graph.vertex_weights is None


@some_seeds
def test_metis_gets_that_graph(seed, metis, random_heads, dense_incidence, dense_adjacency):
    heads = random_heads(seed)[:, :50]
    labels = hbgf(heads, 4, seed=seed)
    expected = hybrid(dense_incidence(heads))
    assert np.array_equal(dense_adjacency(metis.graph), expected)
    assert metis.graph.edge_weights is metis.graph.vertex_weights is None
    assert (metis.n_parts, metis.options.seed) == (4, seed)
    assert np.array_equal(labels, metis.parts[-50:])
    assert labels.dtype == np.int32


def test_the_balance_is_as_loose_as_the_heads_unless_told(metis, make_heads):
    _, heads = make_heads(0, n_images=100, shares=np.array([0.19] + [0.09] * 9))
    hbgf(heads, 10)
    assert metis.options.ufactor == round(1000 * loose_imbalance(heads, 10))
    assert 300 < metis.options.ufactor < 1000
    hbgf(heads, 10, imbalance=0.2)
    assert metis.options.ufactor == 200


def test_a_graph_that_does_not_fit_is_refused_before_it_is_made(
    little_memory, metis, monkeypatch, random_heads
):
    monkeypatch.delattr(module, "bipartite_graph")
    with pytest.raises(UsageError, match=r"hbgf would need about .* a graph of 320 edges"):
        hbgf(random_heads(0), 4)
    assert metis.n_calls == 0


@some_seeds
def test_noisy_heads_are_put_right(seed, make_heads):
    truth, heads = make_heads(seed)
    assert clustering_accuracy(truth, hbgf(heads, 10, seed=seed)) > 0.85


def test_a_loose_balance_is_better_on_unequal_classes(make_hard_heads):
    gains = []
    for seed in range(4):
        truth, heads = make_hard_heads(seed)
        loose, strict = (hbgf(heads, 10, seed=seed, imbalance=value) for value in (None, 0.03))
        gains.append(clustering_accuracy(truth, loose) - clustering_accuracy(truth, strict))
    assert np.mean(gains) > 0.02
