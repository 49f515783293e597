from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
)

from ucls.errors import UsageError
from ucls.metrics import scores as metrics

LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
AGAINST_LABELS = [
    metrics.clustering_accuracy,
    metrics.many_to_one_accuracy,
    metrics.class_averaged_accuracy,
    metrics.nmi,
    metrics.ami,
    metrics.ari,
]
all_against_labels = pytest.mark.parametrize("metric", AGAINST_LABELS)


def noisy(seed, n_images=60, n_classes=4, n_clusters=4):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n_images)
    guesses = rng.integers(0, n_clusters, n_images)
    return labels, np.where(rng.random(n_images) < 0.6, labels % n_clusters, guesses)


def brute_force_accuracy(labels, clusters):
    """The best share over all one-to-one maps; surplus clusters map to classes of no image."""
    n_names = max(labels.max(), clusters.max()) + 1
    return max(
        np.mean(np.array(names)[clusters] == labels) for names in permutations(range(n_names))
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_clusters", [2, 4, 6])
def test_accuracy_equals_brute_force(seed, n_clusters):
    labels, clusters = noisy(seed, n_clusters=n_clusters)
    expected = brute_force_accuracy(labels, clusters)
    assert metrics.clustering_accuracy(labels, clusters) == pytest.approx(expected)


def test_accuracy_by_hand():
    assert metrics.clustering_accuracy(LABELS, np.array([1, 1, 1, 2, 2, 2, 0, 1])) == 6 / 8
    assert metrics.clustering_accuracy(LABELS, np.zeros(8, dtype=int)) == 4 / 8
    # One image each of three classes finds its place among eight clusters.
    assert metrics.clustering_accuracy(LABELS, np.arange(8)) == 3 / 8


def test_many_to_one_lets_clusters_share_a_class():
    split = np.array([0, 0, 3, 3, 1, 1, 2, 0])
    assert metrics.clustering_accuracy(LABELS, split) == 5 / 8
    assert metrics.many_to_one_accuracy(LABELS, split) == 7 / 8
    assert metrics.many_to_one_accuracy(LABELS, np.arange(8)) == 1.0


def test_class_average_counts_every_class_the_same():
    clusters = np.array([0, 0, 0, 0, 1, 0, 0, 0])
    assert metrics.clustering_accuracy(LABELS, clusters) == 5 / 8
    assert metrics.class_averaged_accuracy(LABELS, clusters) == pytest.approx((1 + 1 / 2 + 0) / 3)


@pytest.mark.parametrize("seed", range(5))
def test_information_metrics_equal_scikit_learn(seed):
    labels, clusters = noisy(seed, n_clusters=5)
    clusters[:3] = -1
    pair = labels, clusters
    assert metrics.nmi(*pair) == pytest.approx(normalized_mutual_info_score(*pair))
    assert metrics.ami(*pair) == pytest.approx(adjusted_mutual_info_score(*pair))
    assert metrics.ari(*pair) == pytest.approx(adjusted_rand_score(*pair))


@all_against_labels
def test_numbers_do_not_matter(metric):
    labels, clusters = noisy(0)
    renamed = np.array([40, 7, 0, 3])[clusters]
    relabelled = np.array([2, 9, 5, 0])[labels]
    assert metric(relabelled, renamed) == pytest.approx(metric(labels, clusters))
    assert metric(labels, labels * 3) == pytest.approx(1.0)


@all_against_labels
def test_unknown_labels_are_left_out(metric):
    labels, clusters = noisy(0)
    partly = np.concatenate([labels, [-1] * 30])
    more = np.concatenate([clusters, np.arange(30)])
    assert metric(partly, more) == pytest.approx(metric(labels, clusters))


def test_images_without_a_cluster_are_errors():
    clusters = LABELS.copy()
    clusters[[0, 4]] = -1
    assert metrics.clustering_accuracy(LABELS, clusters) == 6 / 8
    assert metrics.many_to_one_accuracy(LABELS, clusters) == 6 / 8
    expected = (3 / 4 + 1 / 2 + 1) / 3
    assert metrics.class_averaged_accuracy(LABELS, clusters) == pytest.approx(expected)
    none = np.full(8, -1)
    assert metrics.clustering_accuracy(LABELS, none) == 0.0
    assert metrics.many_to_one_accuracy(LABELS, none) == 0.0


@all_against_labels
@pytest.mark.parametrize(
    ("labels", "clusters", "message"),
    [
        ([0, 1], [0, 1, 1], r"got shapes \(2,\) and \(3,\)"),
        ([[0, 1]], [[0, 1]], "must be vectors"),
        ([0.0, 1.0], [0, 1], "labels must be integers, got float64"),
        ([0, 1], [0.0, 1.0], "clusters must be integers, got float64"),
        ([-1, -1], [0, 1], "at least one label must be known"),
    ],
)
def test_wrong_arguments_are_usage_errors(metric, labels, clusters, message):
    with pytest.raises(UsageError, match=message):
        metric(np.array(labels), np.array(clusters))


def test_clustering_metrics_holds_all_as_plain_floats():
    labels, clusters = noisy(1)
    figures = metrics.clustering_metrics(labels, clusters)
    assert {name: type(figure) for name, figure in figures.items()} == dict.fromkeys(
        ("acc", "acc_many_to_one", "acc_class_mean", "nmi", "ari", "ami"), float
    )
    assert figures == {
        "acc": metrics.clustering_accuracy(labels, clusters),
        "acc_many_to_one": metrics.many_to_one_accuracy(labels, clusters),
        "acc_class_mean": metrics.class_averaged_accuracy(labels, clusters),
        "nmi": metrics.nmi(labels, clusters),
        "ari": metrics.ari(labels, clusters),
        "ami": metrics.ami(labels, clusters),
    }


def test_ari_of_a_clustering_worse_than_chance_is_negative():
    assert metrics.ari(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) < 0


def test_cluster_sizes():
    sizes = metrics.cluster_sizes(np.array([2, 0, -1, 2]), 4)
    assert sizes.tolist() == [1, 0, 2, 0]
    assert sizes.dtype == np.int64
    assert metrics.cluster_sizes(np.array([], dtype=int), 2).tolist() == [0, 0]


@pytest.mark.parametrize("clusters", [[0, 4], [-2, 0]])
def test_cluster_sizes_of_other_clusters_are_an_error(clusters):
    with pytest.raises(UsageError, match=r"must be in -1\.\.3"):
        metrics.cluster_sizes(np.array(clusters), 4)


def test_kl_to_uniform_closed_forms():
    assert metrics.kl_to_uniform(np.array([0, 1, 2, 3, -1]), 4) == 0.0
    assert metrics.kl_to_uniform(np.array([2, 2, 2]), 4) == pytest.approx(np.log(4))
    expected = 0.75 * np.log(0.75 * 2) + 0.25 * np.log(0.25 * 2)
    assert metrics.kl_to_uniform(np.array([0, 0, 0, 1]), 2) == pytest.approx(expected)
    with pytest.raises(UsageError, match="at least one image"):
        metrics.kl_to_uniform(np.array([-1, -1]), 2)


@dataclass
class Csr:
    indptr: np.ndarray
    indices: np.ndarray
    similarity: np.ndarray


def random_graph(seed, n_images=30):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, n_images)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = rng.integers(0, n_images, indptr[-1]).astype(np.int32)
    return Csr(indptr, indices, rng.uniform(-0.2, 1, indptr[-1]).astype(np.float16))


def pairs_of(graph):
    for row in range(len(graph.indptr) - 1):
        for edge in range(graph.indptr[row], graph.indptr[row + 1]):
            yield row, graph.indices[edge], float(graph.similarity[edge])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rows_per_chunk", [1, 7, 4096])
def test_neighbors_equal_brute_force_for_any_chunk(seed, rows_per_chunk, monkeypatch):
    monkeypatch.setattr(metrics, "ROWS_PER_CHUNK", rows_per_chunk)
    graph = random_graph(seed)
    labels = np.random.default_rng(seed).integers(-1, 3, 30)
    thresholds = (-1.0, 0.3, 0.8)
    statistics = metrics.neighbor_statistics(graph, labels, thresholds)
    for threshold, figures in zip(thresholds, statistics, strict=True):
        above = [(a, b) for a, b, similarity in pairs_of(graph) if similarity > threshold]
        known = [(labels[a], labels[b]) for a, b in above if min(labels[a], labels[b]) >= 0]
        assert figures.threshold == threshold
        assert figures.mean_count == pytest.approx(len(above) / 30)
        assert figures.accuracy == pytest.approx(np.mean([a == b for a, b in known]))
    overall = metrics.neighbor_accuracy(graph.indptr, graph.indices, labels)
    assert overall == pytest.approx(statistics[0].accuracy)


def test_neighbor_statistics_without_labels_have_no_accuracy():
    graph = random_graph(0)
    (figures,) = metrics.neighbor_statistics(graph, None, [-1.0])
    assert figures == (-1.0, len(graph.indices) / 30, None)


def test_a_pair_at_the_threshold_is_not_above_it():
    graph = Csr(np.array([0, 2, 3]), np.array([1, 1, 0]), np.float16([0.5, 0.75, 0.5]))
    (figures,) = metrics.neighbor_statistics(graph, None, [0.5])
    assert figures == (0.5, 0.5, None)


def test_a_threshold_above_all_pairs_leaves_none():
    graph = random_graph(0)
    labels = np.zeros(30, dtype=int)
    assert metrics.neighbor_statistics(graph, labels, [1.0]) == ((1.0, 0.0, None),)


def test_neighbor_accuracy_needs_known_pairs():
    with pytest.raises(UsageError, match="needs labels"):
        metrics.neighbor_accuracy(np.array([0, 1, 2]), np.array([1, 0]), np.array([0, -1]))


def test_labels_must_fit_the_graph():
    graph = random_graph(0)
    with pytest.raises(UsageError, match=r"each of 30 images in the graph, got shape \(29,\)"):
        metrics.neighbor_accuracy(graph.indptr, graph.indices, np.zeros(29, dtype=int))
    with pytest.raises(UsageError, match="30 images"):
        metrics.neighbor_statistics(graph, np.zeros(31, dtype=int), [0.0])


@pytest.mark.parametrize("function", [*AGAINST_LABELS, metrics.clustering_metrics])
def test_numbers_below_minus_one_are_refused(function):
    right, wrong = np.array([0, 0, 1, 1]), np.array([0, -2, 1, 1])
    for labels, clusters, name in ((wrong, right, "labels"), (right, wrong, "clusters")):
        with pytest.raises(UsageError, match=f"{name} must be numbers from 0, or -1 .* got -2"):
            function(labels, clusters)


def test_neighbor_figures_refuse_labels_below_minus_one():
    graph, labels = random_graph(0), np.full(30, -2)
    for figure in (
        lambda: metrics.neighbor_accuracy(graph.indptr, graph.indices, labels),
        lambda: metrics.neighbor_statistics(graph, labels, [0.0]),
    ):
        with pytest.raises(UsageError, match=r"labels must be numbers from 0, or -1 .* got -2"):
            figure()


@pytest.mark.parametrize("function", [metrics.nmi, metrics.ami, metrics.ari])
def test_no_cluster_counts_as_one_more_cluster(function):
    labels, clusters = np.array([0, 0, 1, 1, 2, 2]), np.array([-1, -1, 1, 1, 2, 0])
    assert function(labels, clusters) == pytest.approx(function(labels, clusters + 1))
