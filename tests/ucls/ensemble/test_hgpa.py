import sys

import numpy as np
import pytest

from ucls.ensemble import hgpa as module
from ucls.ensemble.hgpa import hgpa, hyperedges
from ucls.errors import UclsError, UsageError

some_seeds = pytest.mark.parametrize("seed", range(4))


def as_incidence(edges, n_images):
    return np.array([np.isin(np.arange(n_images), edge) for edge in edges], dtype=float).T


@some_seeds
@pytest.mark.parametrize("missing", [True, False])
def test_hyperedges_are_the_images_of_each_cluster(seed, missing, random_heads, dense_incidence):
    heads = random_heads(seed, missing=missing)
    edges = hyperedges(heads)
    assert np.array_equal(as_incidence(edges, 80), dense_incidence(heads))
    assert sum(map(len, edges)) == np.count_nonzero(heads >= 0)


class Watched:
    """Mt-KaHyPar's pool of threads, which remembers the hypergraph it was given."""

    def __init__(self, pool):
        self.pool = pool

    def context_from_preset(self, preset):
        self.preset = preset
        self.context = self.pool.context_from_preset(preset)
        return self.context

    def create_hypergraph(self, context, n_images, n_edges, edges):
        self.given = (n_images, n_edges, edges)
        return self.pool.create_hypergraph(context, n_images, n_edges, edges)


@pytest.fixture
def mtkahypar(monkeypatch):
    package, pool = module._mtkahypar()
    watched = Watched(pool)
    monkeypatch.setattr(module, "_mtkahypar", lambda: (package, watched))
    return watched


@some_seeds
def test_mtkahypar_gets_that_hypergraph(seed, mtkahypar, random_heads, dense_incidence):
    heads = random_heads(seed)[:, :40]
    labels = hgpa(heads, 4, imbalance=0.1)
    n_images, n_edges, edges = mtkahypar.given
    expected = dense_incidence(heads)
    assert (n_images, n_edges) == expected.shape
    assert np.array_equal(as_incidence(edges, 40), expected)
    context = mtkahypar.context
    assert mtkahypar.preset.name == "DETERMINISTIC"
    assert (context.k, context.objective.name) == (4, "KM1")
    assert context.epsilon == pytest.approx(0.1)
    assert labels.dtype == np.int32


@some_seeds
@pytest.mark.parametrize("imbalance", [None, 0.3])
def test_clusters_are_balanced(seed, imbalance, make_heads):
    _, heads = make_heads(seed, n_images=200, n_clusters=5)
    sizes = np.bincount(hgpa(heads, 5, imbalance=imbalance), minlength=5)
    assert 0 < sizes.max() <= np.ceil(40 * (1 + (0.05 if imbalance is None else imbalance)))


@some_seeds
def test_equal_clusters_that_all_heads_agree_on_are_found(seed, same_partition):
    truth = np.random.default_rng(seed).permutation(200).astype(np.int32) % 4
    heads = np.stack([truth, 3 - truth, (truth + 1) % 4])
    assert same_partition(hgpa(heads, 4), truth)


def test_a_hypergraph_that_does_not_fit_is_refused_before_it_is_made(
    little_memory, monkeypatch, random_heads
):
    monkeypatch.delattr(module, "_mtkahypar")
    with pytest.raises(UsageError, match=r"hgpa would need about .* a hypergraph of 320 pins"):
        hgpa(random_heads(0), 4)


def test_without_the_package_it_says_what_to_install(monkeypatch, random_heads):
    module._mtkahypar.cache_clear()
    monkeypatch.setitem(sys.modules, "mtkahypar", None)
    with pytest.raises(UclsError, match="pip install mtkahypar") as caught:
        hgpa(random_heads(0), 4)
    assert "\n" not in str(caught.value)
