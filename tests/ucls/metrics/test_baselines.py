from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.cluster import KMeans, kmeans_plusplus

from ucls.metrics.baselines import kmeans, knn_accuracy, linear_probe_accuracy
from ucls.metrics.probe import Labelled, sgd_classifiers
from ucls.metrics.scores import clustering_accuracy
from ucls.settings.config import SelfTrainConfig
from ucls.tables import RowTable

CLUSTERS = 4
PROBE = SelfTrainConfig(learning_rates=(0.1, 1.0), iterations=60, batch_size=32)

all_seeds = pytest.mark.parametrize("seed", range(3))


def blobs(
    seed: int, n_images: int, noise: float = 0.1
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    labels = (np.arange(n_images) % CLUSTERS).astype(np.int32)
    features = np.eye(6)[labels] + noise * rng.normal(size=(n_images, 6))
    return features.astype(np.float32), labels


@all_seeds
def test_kmeans_finds_blobs_and_labels_other_splits_with_the_same_centres(seed: int) -> None:
    (train, train_labels), (val, val_labels) = blobs(seed, 60), blobs(seed + 10, 30)
    clusters = kmeans({"train": train, "val": val}, n_clusters=CLUSTERS, restarts=3, seed=seed)
    assert clustering_accuracy(train_labels, clusters["train"]) == 1.0
    assert clustering_accuracy(val_labels, clusters["val"]) == 1.0
    names = {label: clusters["train"][train_labels == label][0] for label in range(CLUSTERS)}
    np.testing.assert_array_equal(clusters["val"], [names[label] for label in val_labels])
    assert clusters["val"].dtype == np.int32


@pytest.mark.parametrize("longest", [1, 10**9])
def test_kmeans_finds_the_same_in_place(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.metrics.baselines.LONG_KMEANS", longest)
    splits = {"train": blobs(0, 6000, noise=0.5)[0], "val": blobs(10, 30)[0]}
    before = {split: features.copy() for split, features in splits.items()}
    expected = kmeans(splits, n_clusters=CLUSTERS, restarts=2)
    np.testing.assert_equal(splits, before)
    found = kmeans(splits, n_clusters=CLUSTERS, restarts=2, copy=False)
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e30])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_baselines_take_features_of_any_scale(size: float, offset: float) -> None:
    (train, train_labels), (val, val_labels) = blobs(0, 60), blobs(10, 30)
    train, val = ((size * (x + offset).astype(np.float64)).astype("f4") for x in (train, val))
    clusters = kmeans({"train": train, "val": val}, n_clusters=CLUSTERS, restarts=3)
    assert clustering_accuracy(val_labels, clusters["val"]) == 1.0
    probe = linear_probe_accuracy(train, train_labels, val, val_labels, config=PROBE)
    assert probe == 1.0


def test_the_linear_probe_is_the_classifier_that_a_held_out_part_picks() -> None:
    (train, train_labels), (val, val_labels) = blobs(0, 60), blobs(10, 30)
    classifiers, picked = sgd_classifiers(Labelled(train, train_labels), PROBE, n_classes=CLUSTERS)
    expected = (classifiers[picked].predict(val)[0] == val_labels).mean()
    assert linear_probe_accuracy(train, train_labels, val, val_labels, config=PROBE) == expected


@pytest.mark.filterwarnings("error")
def test_no_warning_of_a_library_reaches_users() -> None:
    """Few distinct images, a class for each image, and arrays that must not be written to."""
    features = np.repeat(np.eye(3, 6, dtype=np.float32), 4, axis=0)
    labels = np.arange(12, dtype=np.int32)
    for array in (features, labels):
        array.flags.writeable = False
    clusters = kmeans({"train": features}, n_clusters=5, restarts=2)["train"]
    assert len(np.unique(clusters)) == 3
    assert 0 <= knn_accuracy(features, labels, features, labels, k=1) <= 1
    assert 0 <= linear_probe_accuracy(features, labels, features, labels, config=PROBE) <= 1


@all_seeds
def test_kmeans_keeps_the_restart_with_the_least_inertia(seed: int) -> None:
    train = np.random.default_rng(seed).normal(size=(80, 3)).astype(np.float32)
    told: list[int] = []
    clusters = kmeans(
        {"train": train},
        n_clusters=7,
        restarts=5,
        seed=seed,
        advance=lambda amount=1, /, **_: told.append(amount),
    )["train"]
    runs = [KMeans(7, n_init=1, random_state=seed + i).fit(train) for i in range(5)]
    inertias = [run.inertia_ for run in runs]
    assert len(set(np.round(inertias, 3))) > 1
    np.testing.assert_array_equal(clusters, runs[int(np.argmin(inertias))].labels_)
    assert told == [1] * 5


@all_seeds
def test_a_long_kmeans_is_fitted_to_a_sample(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (train, train_labels), (val, val_labels) = blobs(seed, 2000), blobs(seed + 10, 30)
    fitted_to = []
    fit = KMeans.fit

    def fit_and_note(model: KMeans, x: npt.NDArray[np.float32]) -> KMeans:
        fitted_to.append(x)
        return fit(model, x)

    monkeypatch.setattr(KMeans, "fit", fit_and_note)
    monkeypatch.setattr("ucls.metrics.baselines.LONG_KMEANS", 2000 * 6 * CLUSTERS - 1)
    clusters = kmeans({"train": train, "val": val}, n_clusters=CLUSTERS, restarts=2, seed=seed)
    assert [len(sample) for sample in fitted_to] == [256 * CLUSTERS] * 2
    assert len(np.unique(fitted_to[0], axis=0)) == 256 * CLUSTERS
    assert clustering_accuracy(train_labels, clusters["train"]) == 1.0
    assert clustering_accuracy(val_labels, clusters["val"]) == 1.0
    monkeypatch.setattr("ucls.metrics.baselines.LONG_KMEANS", 2000 * 6 * CLUSTERS)
    kmeans({"train": train}, n_clusters=CLUSTERS, restarts=1, seed=seed)
    assert len(fitted_to[-1]) == 2000


def test_the_first_centres_are_sought_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    train, _ = blobs(0, 5000)
    sought_in = []

    def seek(x: npt.NDArray[np.float64], *args: Any, **options: Any) -> Any:
        sought_in.append(x)
        return kmeans_plusplus(x, *args, **options)

    monkeypatch.setattr("sklearn.cluster.kmeans_plusplus", seek)
    kmeans({"train": train}, n_clusters=CLUSTERS, restarts=2)
    assert [len(np.unique(rows, axis=0)) for rows in sought_in] == [4096] * 2
    assert not np.array_equal(*sought_in)


def test_kmeans_takes_its_seed() -> None:
    train = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    first, again, other = (
        kmeans({"train": train}, n_clusters=7, restarts=1, seed=seed)["train"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@all_seeds
@pytest.mark.parametrize("k", [1, 5, 1000])
def test_knn_accuracy_equals_a_dense_majority_vote(seed: int, k: int) -> None:
    (train, train_labels), (val, val_labels) = blobs(seed, 41, 0.6), blobs(seed + 10, 30, 0.6)
    train *= np.random.default_rng(seed).uniform(0.1, 9.0, size=(41, 1)).astype(np.float32)
    unit_train = train / np.linalg.norm(train, axis=1, keepdims=True)
    nearest = np.argsort(-(val @ unit_train.T), axis=1)[:, : min(k, 41)]
    votes = [np.bincount(train_labels[row], minlength=CLUSTERS).argmax() for row in nearest]
    expected = np.mean(np.array(votes) == val_labels)
    assert knn_accuracy(train, train_labels, val, val_labels, k=k) == pytest.approx(expected)


@all_seeds
def test_linear_probe_accuracy_on_separable_and_on_shuffled_labels(seed: int) -> None:
    (train, train_labels), (val, val_labels) = blobs(seed, 80), blobs(seed + 10, 40)

    def accuracy(labels: npt.NDArray[np.int32]) -> float:
        return linear_probe_accuracy(train, labels, val, val_labels, config=PROBE, seed=seed)

    assert accuracy(train_labels) == 1.0
    assert accuracy(train_labels) == accuracy(train_labels)
    assert accuracy(np.random.default_rng(seed).permutation(train_labels)) < 0.7
    assert accuracy((train_labels + 1) % CLUSTERS) == 0.0


@pytest.mark.parametrize("from_disk", [10, 400])
def test_kmeans_of_a_table_is_fitted_to_some_of_its_rows(
    from_disk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.metrics.baselines.FROM_DISK", from_disk)
    monkeypatch.setattr("ucls.metrics.baselines.SAMPLE_PER_CLUSTER", 25)
    (train, labels), (val, val_labels) = blobs(0, 300), blobs(1, 40)
    tables = {
        split: RowTable(lambda rows, own=own: own[rows].copy(), own.shape, own.dtype)
        for split, own in (("train", train), ("val", val))
    }
    fitted_to, fit = [], KMeans.fit

    def fit_and_note(model: KMeans, x: npt.NDArray[np.float32]) -> KMeans:
        fitted_to.append(len(x))
        return fit(model, x)

    monkeypatch.setattr(KMeans, "fit", fit_and_note)
    found = kmeans(tables, n_clusters=CLUSTERS, restarts=2)
    assert fitted_to == [min(300, max(from_disk, 25 * CLUSTERS))] * 2
    assert clustering_accuracy(labels, found["train"]) == 1.0
    assert clustering_accuracy(val_labels, found["val"]) == 1.0
