from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.utils.estimator_checks import check_estimator

from tests.conftest import blobs
from ucls import ConsensusClustering
from ucls.ensemble import consensus
from ucls.ensemble.methods import METHODS

BASES = [KMeans(4), KMeans(5), AgglomerativeClustering(4), GaussianMixture(4)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("method", METHODS)
def test_it_is_the_consensus_of_what_the_clusterers_say(method: str, seed: int) -> None:
    samples, labels = blobs(120, seed)
    found = ConsensusClustering(4, estimators=BASES, method=method, random_state=seed).fit(samples)
    expected = consensus(found.label_matrix_, 4, method=method, seed=seed)
    np.testing.assert_array_equal(found.labels_, expected.labels)
    np.testing.assert_array_equal(found.confidence_, expected.confidence)
    assert found.anmi_ == expected.anmi
    assert adjusted_rand_score(labels, found.labels_) > 0.9
    for row, base in zip(found.label_matrix_, found.estimators_, strict=True):
        if hasattr(base, "labels_"):
            np.testing.assert_array_equal(row, base.labels_)


def test_each_clusterer_has_a_random_state_of_its_own() -> None:
    samples = np.random.default_rng(0).normal(size=(200, 3))
    found = ConsensusClustering(4).fit(samples)
    states = [base.random_state for base in found.estimators_]
    assert len(set(states)) == len(states) == 10
    again, other = (ConsensusClustering(4, random_state=seed).fit(samples) for seed in (0, 1))
    np.testing.assert_array_equal(again.label_matrix_, found.label_matrix_)
    assert not np.array_equal(other.label_matrix_, found.label_matrix_)


def test_labels_that_are_there_already() -> None:
    matrix = [[0, 0, 1, 1, 2, 2], [2, 2, 0, 0, 1, 1], [0, 0, 1, -1, 2, 1]]
    found = ConsensusClustering(3, options={"min_jaccard": 0.1}).fit_labels(matrix)
    assert adjusted_rand_score([0, 0, 1, 1, 2, 2], found.labels_) == 1
    assert found.estimators_ == []
    weighted = ConsensusClustering(3, method="vote", weights=[1, 1, 9]).fit_labels(matrix)
    assert weighted.confidence_[5] == pytest.approx(2 / 11) or weighted.labels_[5] == 1


def test_noise_is_a_missing_label() -> None:
    samples = np.concatenate([blobs(160, 0)[0], [[90.0] * 8]])
    found = ConsensusClustering(4, estimators=[DBSCAN(eps=4), DBSCAN(eps=3.9)]).fit(samples)
    assert found.labels_[-1] == -1
    assert found.confidence_[-1] == 0
    one = ConsensusClustering(1).fit_labels(found.label_matrix_)
    assert one.labels_.tolist() == [0 if label >= 0 else -1 for label in found.labels_]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"n_clusters": None}, "how many clusters"),
        ({"n_clusters": 21}, "n_clusters=21 .* n_samples=20"),
        ({"method": "mean"}, "method must be one of mcla"),
        ({"weights": "none"}, "weights must be equal"),
        ({"options": {"depth": 3}}, "no method has an option 'depth'"),
        ({"estimators": []}, "estimators is empty"),
        ({"estimators": 3}, r"estimators must be a list .*, got 3: give such as \[KMeans\(3\)"),
        ({"estimators": KMeans(3)}, r"estimators must be a list of clusterers, got KMeans"),
        ({"estimators": [3]}, "expected a clusterer with fit_predict, got 3"),
    ],
)
def test_wrong_parameters_are_told(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ConsensusClustering(**{"n_clusters": 3, **params}).fit(blobs(20, 0)[0])


def test_wrong_labels_are_told() -> None:
    for labels in ([0, 1], [[0.5, 1]], [[-2, 1]], [[0, 1], [1]]):
        with pytest.raises(ValueError, match="labels"):
            ConsensusClustering(2).fit_labels(labels)


def test_empty_clusters_are_told() -> None:
    matrix = [[0, 0, 1, 1], [1, 1, 0, 0]]
    with pytest.warns(ConvergenceWarning, match="1 of 3 clusters are empty"):
        ConsensusClustering(3).fit_labels(matrix)


def test_metadata_goes_to_the_clusterers_that_ask_for_it() -> None:
    samples = blobs(80, 0)[0]
    weights = np.where(np.arange(80) < 40, 1.0, 1e-9)
    with sklearn.config_context(enable_metadata_routing=True):
        asks, does_not = (KMeans(6).set_fit_request(sample_weight=on) for on in (True, False))
        found = ConsensusClustering(4, estimators=[asks, does_not, AgglomerativeClustering(4)])
        found.fit(samples, sample_weight=weights)
    for base, given in zip(found.estimators_[:2], (weights, None), strict=True):
        again = KMeans(6, random_state=base.random_state).fit(samples, sample_weight=given)
        np.testing.assert_array_equal(base.labels_, again.labels_)


@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_finds_nothing_wrong() -> None:
    check_estimator(ConsensusClustering(n_clusters=3))
