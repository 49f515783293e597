import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.metrics.scores import clustering_accuracy
from ucls.report.confusion import confusion


def test_matched_clusters_stand_on_the_diagonal() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2], np.int32)
    clusters = np.array([7, 7, 2, 2, 2, 4], np.int32)
    found = confusion(labels, clusters)
    assert found.classes.tolist() == [0, 1, 2]
    assert found.clusters.tolist() == [7, 2, 4]
    assert found.counts.tolist() == [[2, 1, 0], [0, 2, 0], [0, 0, 1]]
    np.testing.assert_allclose(found.shares[0], [2 / 3, 1 / 3, 0])


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(5, 5), (4, 7), (7, 4)])
def test_the_accuracy_is_that_of_the_scores(n_classes: int, n_clusters: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, n_classes, 400).astype(np.int32)
    clusters = np.where(
        rng.random(400) < 0.7, labels % n_clusters, rng.integers(0, n_clusters, 400)
    )
    clusters = np.where(rng.random(400) < 0.1, -1, clusters).astype(np.int32)
    found = confusion(labels, clusters)
    assert found.accuracy == pytest.approx(clustering_accuracy(labels, clusters))
    assert found.n_matched == min(n_classes, n_clusters)
    assert sorted(found.clusters.tolist()) == list(range(n_clusters))
    assert sorted(found.classes.tolist()) == list(range(n_classes))


def test_images_without_a_cluster_count_for_their_class() -> None:
    found = confusion(np.array([0, 0, 1], np.int32), np.array([0, -1, 1], np.int32))
    assert found.class_sizes.tolist() == [2, 1]
    assert found.shares.tolist() == [[0.5, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize(("labels", "clusters"), [([-1, -1], [0, 1]), ([0, 1], [-1, -1])])
def test_nothing_known(labels: list[int], clusters: list[int]) -> None:
    with pytest.raises(UsageError, match="got none: start the run with labels"):
        confusion(np.array(labels, np.int32), np.array(clusters, np.int32))
