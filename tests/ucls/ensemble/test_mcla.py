import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from ucls.ensemble.alignment import align, majority
from ucls.ensemble.label_matrix import compact
from ucls.ensemble.mcla import cluster_graph, collapse, mcla, partition
from ucls.errors import UsageError
from ucls.metrics import clustering_accuracy


def membership(heads):
    """The binary hypergraph of Strehl & Ghosh: images by clusters of all heads."""
    columns = [head == cluster for head in heads for cluster in range(head.max() + 1)]
    return np.array(columns, dtype=float).T


def jaccard(heads):
    hypergraph = membership(heads)
    shared = hypergraph.T @ hypergraph
    sizes = hypergraph.sum(axis=0)
    graph = shared / (sizes[:, None] + sizes - shared)
    np.fill_diagonal(graph, 0.0)
    return graph


def random_heads(seed, n_images=80):
    rng = np.random.default_rng(seed)
    return np.stack([compact(rng.integers(-1, n, n_images)) for n in (3, 5, 7, 4)])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("min_jaccard", [0.0, 0.1, 0.2])
def test_the_graph_is_the_jaccard_measure_of_all_clusters(seed, min_jaccard):
    heads = random_heads(seed)
    expected = jaccard(heads)
    expected[expected < min_jaccard] = 0.0
    graph = cluster_graph(heads, min_jaccard=min_jaccard)
    assert np.array_equal(graph.toarray(), expected)
    assert graph.nnz == np.count_nonzero(expected)
    assert graph.has_sorted_indices


@pytest.mark.parametrize("seed", range(5))
def test_images_go_to_the_meta_cluster_of_highest_mean_membership(seed):
    heads = random_heads(seed)
    hypergraph = membership(heads)
    parts = np.random.default_rng(seed).integers(0, 6, hypergraph.shape[1])
    parts[parts == 2] = 3  # an empty meta-cluster
    association = np.zeros((len(hypergraph), 6))
    for part in set(parts.tolist()):
        association[:, part] = hypergraph[:, parts == part].mean(axis=1)
    expected = np.where((heads < 0).all(axis=0), -1, association.argmax(axis=1))
    assert np.array_equal(collapse(heads, parts, 6), expected)


def test_parts_are_cliques_where_there_are_cliques():
    clique = np.ones((6, 6)) - np.eye(6)
    parts = partition(csr_array(np.kron(np.eye(4), clique)), 4, seed=0)
    assert len(set(parts.tolist())) == 4
    assert all(len(set(group)) == 1 for group in parts.reshape(4, 6).tolist())


def test_heavy_edges_stay_together():
    strong = np.kron(np.eye(5), np.ones((4, 4)) - np.eye(4))
    graph = csr_array(strong + 0.05 * (1 - np.kron(np.eye(5), np.ones((4, 4)))))
    parts = partition(graph, 5, seed=0)
    assert all(len(set(group)) == 1 for group in parts.reshape(5, 4).tolist())


def test_no_more_vertices_than_parts_stay_apart():
    graph = csr_array(np.ones((3, 3)) - np.eye(3))
    assert partition(graph, 3).tolist() == [0, 1, 2]
    assert partition(graph, 7).tolist() == [0, 1, 2]


METIS_CORNERS = """
import numpy as np
from scipy.sparse import csr_array
from ucls.ensemble.mcla import partition

rng = np.random.default_rng(0)
for seed in range(300):
    n_vertices = int(rng.integers(3, 40))
    n_parts = int(rng.integers(2, n_vertices + 3))
    upper = np.triu(rng.random((n_vertices, n_vertices)), 1)
    upper[rng.random(upper.shape) > rng.choice([0.02, 0.1, 0.5, 1.0])] = 0
    upper[0, 1] = 1e-9
    parts = partition(csr_array(upper + upper.T), n_parts, seed=seed)
    assert parts.shape == (n_vertices,)
    assert 0 <= parts.min() <= parts.max() < n_parts
"""


def test_isolated_vertices_and_empty_parts_neither_crash_nor_print():
    done = subprocess.run(
        [sys.executable, "-c", METIS_CORNERS], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_clusters_without_any_overlap_are_an_error():
    heads = np.array([[0, 1, -1, -1], [-1, -1, 0, 1]], dtype=np.int32)
    with pytest.raises(UsageError, match="nothing to link: lower min_jaccard"):
        mcla(heads, 2, min_jaccard=0.0)


def test_min_jaccard_drops_weak_links():
    heads = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], dtype=np.int32)
    assert set(mcla(heads, 2, min_jaccard=0.3).tolist()) <= {0, 1}
    with pytest.raises(UsageError, match=r"overlap of 0\.4 or more"):
        mcla(heads, 2, min_jaccard=0.4)


def test_without_revote_the_answer_is_the_collapsed_graph():
    heads = random_heads(0)
    collapsed = collapse(heads, partition(cluster_graph(heads), 4, seed=3), 4)
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
