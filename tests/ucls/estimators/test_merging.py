from functools import partial
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from tests.conftest import blobs
from ucls import MergeClustering
from ucls.types import LINKAGES, cut_into


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [partial(make_moons, 400), partial(make_circles, 500, factor=0.5)])
def test_shapes_are_found_that_k_means_cuts(make: Any, seed: int) -> None:
    samples, labels = make(noise=0.05, random_state=seed)
    found = MergeClustering(2, random_state=seed).fit(samples)
    assert adjusted_rand_score(labels, found.labels_) > 0.9
    cut = KMeans(2, n_init=3, random_state=seed).fit_predict(samples)
    assert adjusted_rand_score(labels, cut) < 0.6


@pytest.mark.parametrize("linkage", ["auto", *LINKAGES])
def test_the_tree_tells_what_was_merged(linkage: Any) -> None:
    samples, labels = blobs(160, 0)
    found = MergeClustering(4, linkage=linkage).fit(samples)
    assert adjusted_rand_score(labels, found.labels_) > 0.95
    assert found.labels_.dtype == np.int32
    assert found.merge_tree_.shape == (31, 4)
    assert found.n_clusters_ == 4
    np.testing.assert_array_equal(found.leaves_, found.estimator_.labels_)
    np.testing.assert_array_equal(cut_into(found.merge_tree_, 4)[found.leaves_], found.labels_)
    np.testing.assert_array_equal(found.predict(samples), found.labels_)
    assert adjusted_rand_score(blobs(80, 1)[1], found.predict(blobs(80, 1)[0])) > 0.95


def test_any_clusterer_will_do() -> None:
    samples, labels = blobs(160, 0)
    base = AgglomerativeClustering(9)
    found = MergeClustering(4, estimator=base, n_neighbors=7).fit(samples)
    assert adjusted_rand_score(labels, found.labels_) > 0.95
    assert not hasattr(found, "predict")
    assert not hasattr(MergeClustering(4, estimator=base), "predict")
    assert hasattr(MergeClustering(4), "predict")


def test_noise_stays_noise() -> None:
    samples = np.concatenate([blobs(160, 0)[0], [[90.0] * 8]])
    found = MergeClustering(2, estimator=DBSCAN(eps=4)).fit(samples)
    assert found.labels_[-1] == found.leaves_[-1] == -1
    assert set(found.labels_) == {-1, 0, 1}
    with pytest.raises(ValueError, match="nothing but noise"):
        MergeClustering(2, estimator=DBSCAN(eps=1e-6)).fit(samples)


def test_the_seed_decides() -> None:
    samples = np.random.default_rng(0).normal(size=(200, 3))
    found = [MergeClustering(5, random_state=seed).fit(samples).leaves_ for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_fewer_clusters_than_wanted_are_told() -> None:
    with pytest.warns(ConvergenceWarning, match="found 2 clusters, fewer than n_clusters=4"):
        found = MergeClustering(4, estimator=KMeans(2)).fit(blobs(60, 0)[0])
    assert found.n_clusters_ == 2
    assert MergeClustering(1).fit(blobs(60, 0)[0]).labels_.tolist() == [0] * 60


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"n_clusters": None}, "how many clusters"),
        ({"n_clusters": 21}, "n_clusters=21 .* n_samples=20"),
        ({"linkage": "ward"}, "linkage must be one of auto, diffusion, .*, got 'ward'"),
        ({"n_neighbors": 20}, "must be between 1 and 19"),
        ({"n_neighbors": 0}, "neighbors.k"),
        ({"estimator": "kmeans"}, "expected a clusterer with fit_predict, got 'kmeans'"),
    ],
)
def test_wrong_parameters_are_told(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        MergeClustering(**{"n_clusters": 3, **params}).fit(blobs(20, 0)[0])


def test_metadata_goes_to_the_clusterer() -> None:
    samples = blobs(80, 0)[0]
    weights = np.where(np.arange(80) < 40, 1.0, 1e-9)
    with sklearn.config_context(enable_metadata_routing=True):
        base = KMeans(6).set_fit_request(sample_weight=True)
        routed = MergeClustering(4, estimator=base).fit(samples, sample_weight=weights)
        with pytest.raises(TypeError, match="sample_weight"):
            MergeClustering(4, estimator=DBSCAN().set_fit_request(sample_weight=False)).fit(
                samples, sample_weight=weights
            )
    expected = KMeans(6, random_state=0).fit(samples, sample_weight=weights)
    np.testing.assert_array_equal(routed.leaves_, expected.labels_)


@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_finds_nothing_wrong() -> None:
    check_estimator(MergeClustering(n_clusters=3))
