import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
)

from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy, matched_classes
from ucls.metrics.superclasses import superclass_metrics

all_seeds = pytest.mark.parametrize("seed", range(3))
SUPERCLASSES = np.array([0, 0, 1, 1, 1, -1], np.int32)


def drawn(seed: int, n_clusters: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(6, size=n)
    wrong = rng.random(n) < 0.4
    clusters = np.where(wrong, rng.integers(n_clusters, size=n), (labels + 2) % n_clusters)
    return labels.astype(np.int32), clusters.astype(np.int32)


@all_seeds
@pytest.mark.parametrize("n_clusters", [4, 6, 11])
def test_each_cluster_stands_for_one_class_at_every_level(seed: int, n_clusters: int) -> None:
    labels, clusters = drawn(seed, n_clusters)
    counts = np.zeros((6, n_clusters))
    np.add.at(counts, (labels, clusters), 1)
    class_of = {c: k for k, c in zip(*linear_sum_assignment(-counts), strict=True)}
    predicted = np.array([SUPERCLASSES[class_of[c]] if c in class_of else -1 for c in clusters])
    scored = labels < 5
    truth, found = SUPERCLASSES[labels[scored]], predicted[scored]
    figures = superclass_metrics(labels, clusters, SUPERCLASSES)
    assert figures["n_images"] == scored.sum()
    assert figures["acc"] == pytest.approx((truth == found).mean())
    for name, score in (
        ("nmi", normalized_mutual_info_score),
        ("ami", adjusted_mutual_info_score),
        ("ari", adjusted_rand_score),
    ):
        assert figures[name] == pytest.approx(score(truth, found))
        of_classes = score(labels[scored], clusters[scored])
        assert figures[f"class_{name}"] == pytest.approx(of_classes)


@all_seeds
def test_classes_as_their_own_superclasses_have_their_own_accuracy(seed: int) -> None:
    labels, clusters = drawn(seed, 6)
    own = superclass_metrics(labels, clusters, np.arange(6, dtype=np.int32))
    assert own["acc"] == clustering_accuracy(labels, clusters)
    coarse = superclass_metrics(labels, clusters, np.array([0, 0, 0, 1, 1, 1], np.int32))
    assert coarse["acc"] > own["acc"]


def test_another_class_of_the_same_superclass_is_right_and_no_cluster_is_not() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, -1])
    clusters = np.array([5, 5, 3, 3, 3, 0, -1, 0])
    assert matched_classes(labels, clusters).tolist() == [0, 0, 1, 1, 1, 2, -1, 2]
    figures = superclass_metrics(labels, clusters, np.array([0, 0, 1], np.int32))
    assert (figures["acc"], figures["n_images"]) == (pytest.approx(6 / 7), 7)


def test_a_level_without_images_is_told() -> None:
    labels, clusters = drawn(0, 6)
    with pytest.raises(UsageError, match="expected images whose class has a superclass"):
        superclass_metrics(labels, clusters, np.full(6, -1, np.int32))
