import numpy as np
import pytest

from ucls.ensemble import Consensus, consensus
from ucls.ensemble.alignment import align
from ucls.ensemble.methods import METHODS
from ucls.ensemble.mutual_information import average_nmi
from ucls.ensemble.preparation import prepare
from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy

GOOD = ["mcla", "vote", "nmf"]
good_methods = pytest.mark.parametrize("method", GOOD)
every_method = pytest.mark.parametrize("method", METHODS)
some_seeds = pytest.mark.parametrize("seed", range(4))


@good_methods
@some_seeds
def test_the_consensus_beats_every_head(method, seed, make_heads):
    truth, heads = make_heads(seed)
    result = consensus(heads, 10, method=method, seed=seed)
    best = max(clustering_accuracy(truth, head) for head in heads)
    assert clustering_accuracy(truth, result.labels) > max(best, 0.99)


@pytest.mark.parametrize("method", ["mcla", "vote"])
@some_seeds
def test_unequal_classes_survive(method, seed, make_heads):
    shares = np.array([0.25, 0.2, 0.15, 0.1, 0.08, 0.07, 0.06, 0.04, 0.03, 0.02])
    truth, heads = make_heads(seed, n_images=4000, shares=shares)
    result = consensus(heads, 10, method=method, seed=seed)
    assert clustering_accuracy(truth, result.labels) > 0.98
    assert result.occupied_clusters == 10


@pytest.mark.parametrize("method", ["mcla", "vote", "hbgf", "cspa", "nmf"])
@pytest.mark.parametrize("n_clusters", [2, 3, 4, 6, 8])
def test_few_clusters_are_found_too(method, n_clusters, make_heads):
    truth, heads = make_heads(0, n_images=500, n_clusters=n_clusters)
    labels = consensus(heads, n_clusters, method=method).labels
    assert clustering_accuracy(truth, labels) > 0.98


@every_method
@some_seeds
def test_numbering_of_the_heads_does_not_matter(method, seed, make_heads, same_partition):
    _, heads = make_heads(seed, n_images=200, error=0.5)
    rng = np.random.default_rng(seed)
    renamed = np.stack([rng.permutation(100)[head] for head in heads])
    first = consensus(heads, 10, method=method)
    second = consensus(renamed, 10, method=method)
    assert same_partition(first.labels, second.labels)
    assert np.array_equal(first.confidence, second.confidence)


@every_method
def test_the_figures_are_what_they_say(method, make_heads):
    _, heads = make_heads(0, n_images=300, error=0.4)
    heads[:3, 50:90] = -1
    result = consensus(heads, 10, method=method)
    assert isinstance(result, Consensus)
    assert result.method == method
    assert (result.labels.dtype, result.confidence.dtype) == (np.int32, np.float32)
    assert result.cluster_sizes.dtype == np.int64
    assert np.array_equal(result.cluster_sizes, np.bincount(result.labels, minlength=10))
    assert result.occupied_clusters == np.count_nonzero(result.cluster_sizes)
    assert result.anmi == pytest.approx(average_nmi(heads, result.labels))
    assert result.seconds > 0.0
    agree = align(prepare(heads).labels, result.labels, 10) == result.labels
    expected = [agree[heads[:, i] >= 0, i].mean() for i in range(300)]
    assert result.confidence == pytest.approx(expected)


def test_mcla_with_revote_is_the_default():
    heads = np.random.default_rng(0).integers(0, 6, (9, 200))
    default = consensus(heads, 6)
    assert default.method == "mcla"
    for options, equal in (
        ({"method": "mcla", "revote": True, "min_jaccard": 0.02, "seed": 0}, True),
        ({"method": "vote"}, False),
        ({"revote": False}, False),
    ):
        assert np.array_equal(default.labels, consensus(heads, 6, **options).labels) == equal


@good_methods
@some_seeds
def test_labels_missing_here_and_there_do_no_harm(method, seed, make_heads):
    truth, heads = make_heads(seed)
    heads[np.random.default_rng(seed).random(heads.shape) < 0.3] = -1
    labels = consensus(heads, 10, method=method).labels
    assert clustering_accuracy(truth, labels) > 0.98


def test_the_given_labels_stay_untouched(make_heads):
    _, heads = make_heads(0, n_images=100)
    before = heads.copy()
    result = consensus(heads, 10)
    assert np.array_equal(heads, before)
    assert not np.shares_memory(result.labels, heads)


def test_min_jaccard_0_links_all_that_overlap(metis):
    heads = np.random.default_rng(0).integers(0, 6, (4, 1000))
    n_edges = []
    for min_jaccard in (0.0, 0.1):
        consensus(heads, 6, min_jaccard=min_jaccard)
        n_edges.append(len(metis.graph.neighbors))
    assert n_edges[0] == 4 * 6 * 3 * 6 > n_edges[1]


@pytest.mark.parametrize("method", ["mcla", "vote", "nmf", "hbgf"])
@some_seeds
def test_unequal_merged_and_split_classes_are_found(method, seed, make_hard_heads):
    truth, heads = make_hard_heads(seed)
    accuracy = clustering_accuracy(truth, consensus(heads, 10, method=method, seed=seed).labels)
    best = max(clustering_accuracy(truth, head) for head in heads)
    assert accuracy > {"mcla": 0.88, "vote": 0.85, "nmf": 0.6, "hbgf": 0.5}[method]
    assert accuracy > best or method in ("nmf", "hbgf")


def heads_that_never_use_a_cluster():
    """Twenty images in three of four clusters; on the first four of them heads disagree."""
    heads = np.tile(np.repeat([0, 1, 2], [12, 4, 4]), (5, 1))
    heads[0, :4] = heads[1, 1:5] = 3
    return heads


def test_keep_k_moves_the_least_sure_half_of_the_largest_cluster():
    heads = heads_that_never_use_a_cluster()
    before = consensus(heads, 4, method="vote")
    assert before.cluster_sizes.min() == 0
    assert before.notes == ("1 of 4 clusters are empty",)
    after = consensus(heads, 4, method="vote", keep_k=True)
    assert after.occupied_clusters == 4
    assert after.notes == ("1 of 4 clusters were empty and are refilled",)
    moved = np.flatnonzero(after.labels != before.labels)
    assert set(before.labels[moved].tolist()) == {before.cluster_sizes.argmax()}
    assert len(moved) == 6
    assert before.confidence[moved].max() <= np.delete(before.confidence[:12], moved).min()
    assert {0, 1, 2, 3, 4} < set(moved.tolist())
    aligned = align(prepare(heads).labels, after.labels, 4)
    assert after.confidence == pytest.approx((aligned == after.labels).mean(axis=0))
    assert np.array_equal(after.cluster_sizes, np.bincount(after.labels))


@every_method
def test_keep_k_fills_every_cluster(method):
    heads = np.random.default_rng(0).integers(0, 3, (4, 40))
    result = consensus(heads, 12, method=method, keep_k=True)
    assert result.occupied_clusters == 12
    assert result.cluster_sizes.min() > 0


@pytest.mark.parametrize("heads", [[[0, 0, 0, 1]], [[0, 0, 0, 1]] * 3, [[0, 0, 0, 0]] * 2])
def test_keep_k_refills_what_is_returned_as_it_is(heads):
    result = consensus(heads, 3, keep_k=True)
    assert result.occupied_clusters == 3


def test_keep_k_changes_nothing_where_no_cluster_is_empty(make_heads):
    _, heads = make_heads(0, n_images=300)
    first, second = (consensus(heads, 10, keep_k=keep_k) for keep_k in (False, True))
    assert np.array_equal(first.labels, second.labels)
    assert first.notes == second.notes == ()


LIGHT = """
import sys
import ucls.ensemble
heavy = {"scipy", "pymetis", "mtkahypar", "psutil", "threadpoolctl", "sklearn", "torch", "h5py"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
import numpy as np
heads = np.random.default_rng(0).integers(0, 3, (4, 60))
ucls.ensemble.consensus(heads, 3, method="all")
heavy = {"torch", "timm", "sklearn", "faiss", "h5py", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""


def test_no_heavy_imports(python):
    assert python(LIGHT) == ""


def test_heads_that_are_numbered_alike_are_not_grouped_anew(make_heads):
    _, heads = make_heads(0, n_images=300)
    truth = heads[0]
    alike = np.stack(
        [np.where(np.arange(300) % 7 == head, (truth + 1) % 10, truth) for head in range(5)]
    )
    found = consensus(alike, 10, numbered_alike=True)
    assert np.array_equal(found.labels, truth)
    with pytest.raises(UsageError, match="numbers below n_clusters=9, got 9"):
        consensus(alike, 9, numbered_alike=True)
