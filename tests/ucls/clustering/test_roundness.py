import numpy as np
import pytest
from sklearn.cluster import KMeans

from tests.conftest import Lines
from ucls.clustering import roundness
from ucls.clustering.fitting import fit_settings
from ucls.clustering.graph import find_neighborhood
from ucls.clustering.roundness import may_be_round, round_clusters
from ucls.metrics.baselines import kmeans
from ucls.metrics.scores import clustering_accuracy
from ucls.progress import SILENT
from ucls.settings.config import Config, MergeConfig

C = 4


def blobs(n=400, *, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % C).astype(np.int32)
    return (np.eye(C, 8)[labels] + noise * rng.normal(size=(n, 8))).astype(np.float32), labels


def straightened(features, start, lines):
    config = fit_settings(Config(n_clusters=C), features)
    prepared, _, graph = find_neighborhood(features, config, reporter=SILENT)
    return prepared, round_clusters(
        start, prepared, graph, n_clusters=C, config=config, reporter=lines
    )


def spoiled(labels, share, seed=1):
    rng = np.random.default_rng(seed)
    start = labels.copy()
    rows = rng.choice(len(labels), int(share * len(labels)), replace=False)
    start[rows] = (start[rows] + 1) % C
    return start


def test_round_clusters_become_those_of_kmeans(lines: Lines) -> None:
    features, labels = blobs()
    start = spoiled(labels, 0.05)
    prepared, found = straightened(features, start, lines)
    centres = np.stack([prepared[start == c].mean(axis=0) for c in range(C)])
    expected = KMeans(C, init=centres, n_init=1).fit(prepared).labels_
    assert clustering_accuracy(expected, found) > 0.995
    assert clustering_accuracy(labels, found) > clustering_accuracy(labels, start)
    (line,) = lines.said
    assert line.startswith("self-train: the clusters are round: k-means moves ")


@pytest.mark.parametrize("seed", range(3))
def test_ten_other_starts_end_no_better(seed: int, lines: Lines) -> None:
    features, _ = blobs(300, noise=0.45, seed=seed)
    fitted = KMeans(C, n_init=10, random_state=seed).fit(features)
    start = spoiled(fitted.labels_.astype(np.int32), 0.03, seed=seed)
    prepared, found = straightened(features, start, lines)
    others = kmeans({"train": prepared}, n_clusters=C, restarts=10)["train"]
    assert inertia(prepared, found) <= inertia(prepared, others) * (1 + 1e-9)
    assert (found == start).mean() > 0.9


def inertia(features, labels):
    own = (features[labels == c].astype(np.float64) for c in range(C))
    return sum(((cluster - cluster.mean(axis=0)) ** 2).sum() for cluster in own)


def test_labels_that_kmeans_would_change_a_lot_stay(lines: Lines) -> None:
    features, labels = blobs()
    start = spoiled(labels, 0.3)
    _, found = straightened(features, start, lines)
    assert found is start
    assert not lines.said


def test_clusters_that_kmeans_would_tear_from_their_neighbours_stay(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(C), 100).astype(np.int32)
    long = rng.uniform(-6, 6, size=(400, 1))
    features = np.hstack([long, labels[:, None] + 0.02 * rng.normal(size=(400, 1))])
    features = np.hstack([features, np.zeros((400, 2))]).astype(np.float32)
    monkeypatch.setattr(roundness, "MOST_MOVED", 1.0)
    _, found = straightened(features, labels, lines)
    assert found is labels


@pytest.mark.parametrize(
    ("labels", "config", "expected"),
    [
        ([0, 1, 2, 3], MergeConfig(), True),
        ([0, 1, 2, -1, 3], MergeConfig(), False),
        ([0, 1, 2, 2], MergeConfig(), False),
        ([0, 1, 2, 3], MergeConfig(min_cluster_size=2), False),
    ],
)
def test_where_it_is_worth_a_look(labels, config, expected) -> None:
    assert may_be_round(np.array(labels, np.int32), n_clusters=C, config=config) is expected


def test_many_images_are_left_to_the_heads() -> None:
    labels = (np.arange(roundness.MOST_IMAGES + 1) % C).astype(np.int32)
    assert not may_be_round(labels, n_clusters=C, config=MergeConfig())
