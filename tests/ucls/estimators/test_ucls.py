import copy
import pickle
import pickletools
import warnings
from typing import Any

import numpy as np
import pandas
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from tests.conftest import blobs
from ucls import UCLS
from ucls.types import cut_into

FAST = {"train.epochs": 20, "train.n_heads": 3, "self_train.iterations": 60}


def clusterer(n_clusters: int | None = 4, **params: Any) -> UCLS:
    return UCLS(n_clusters, **{"settings": FAST, **params})


@pytest.fixture(scope="module")
def fitted() -> UCLS:
    return clusterer().fit(blobs(120, 0)[0])


def test_what_it_finds(fitted: UCLS) -> None:
    features, labels = blobs(120, 0)
    assert adjusted_rand_score(labels, fitted.labels_) > 0.95
    assert fitted.labels_.dtype == np.int32
    assert (fitted.n_clusters_, fitted.n_features_in_) == (4, 8)
    assert fitted.confidence_.shape == (120,)
    assert 0.5 < fitted.confidence_.min() <= fitted.confidence_.max() <= 1
    assert 0.9 < fitted.anmi_ <= 1
    assert fitted.settings_["train"]["n_heads"] == 3
    assert fitted.merge_tree_.shape[1] == 4
    cut = cut_into(fitted.merge_tree_, 4)[fitted.leaves_]
    assert adjusted_rand_score(fitted.labels_, cut) > 0.95
    np.testing.assert_array_equal(fitted.predict(features), fitted.labels_)


@pytest.mark.parametrize("inputs", ["heads", "tokens"])
def test_new_samples_are_labelled_as_those_it_has_seen(inputs: str) -> None:
    found = clusterer(settings={**FAST, "self_train.inputs": inputs}).fit(blobs(120, 0)[0])
    features, labels = blobs(80, 1)
    assert adjusted_rand_score(labels, found.predict(features)) > 0.95
    shares = found.predict_proba(features)
    assert (shares.shape, shares.dtype) == ((80, 4), np.float32)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(shares.argmax(axis=1), found.predict(features))
    np.testing.assert_array_equal(found.transform(features), shares)
    for row in range(0, 80, 9):
        np.testing.assert_allclose(found.predict_proba(features[[row]])[0], shares[row], atol=1e-5)


def test_precision_and_memory_do_not_matter(fitted: UCLS) -> None:
    features = blobs(120, 0)[0]
    before = features.copy()
    features.flags.writeable = False
    variants = (features, features.astype(np.float64), np.asfortranarray(features))
    for variant in (*variants, features.tolist()):
        np.testing.assert_array_equal(clusterer().fit_predict(variant), fitted.labels_)
    np.testing.assert_array_equal(features, before)


def test_the_seed_decides(fitted: UCLS) -> None:
    features = blobs(120, 0)[0]
    again, other = clusterer().fit(features), clusterer(random_state=1).fit(features)
    shares = fitted.predict_proba(features)
    np.testing.assert_array_equal(again.predict_proba(features), shares)
    assert not np.array_equal(other.predict_proba(features), shares)
    drawn = clusterer(random_state=np.random.RandomState(0))
    assert not np.array_equal(clone(drawn).fit(features).predict_proba(features), shares)


def test_a_pickle_holds_arrays_and_no_object_of_torch(fitted: UCLS) -> None:
    features, content = blobs(40, 1)[0], pickle.dumps(fitted)
    texts = [arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str)]
    assert not [text for text in texts if text.partition(".")[0] == "torch"]
    for copied in (pickle.loads(content), copy.deepcopy(fitted)):
        np.testing.assert_array_equal(copied.predict(features), fitted.predict(features))


def test_in_a_pipeline_with_names_of_columns(fitted: UCLS) -> None:
    features = blobs(120, 0)[0]
    chain = make_pipeline(StandardScaler(), clusterer())
    assert set(chain.fit_predict(features)) == set(range(4))
    assert chain.transform(features).shape == (120, 4)
    assert chain.get_feature_names_out().tolist() == ["ucls0", "ucls1", "ucls2", "ucls3"]
    assert chain.set_params(ucls__n_clusters=2)[-1].n_clusters == 2


def test_output_as_a_table(fitted: UCLS) -> None:
    table = pandas.DataFrame(blobs(120, 0)[0], columns=list("abcdefgh"))
    found = clusterer().set_output(transform="pandas").fit(table)
    assert found.feature_names_in_.tolist() == list("abcdefgh")
    assert list(found.transform(table).columns) == ["ucls0", "ucls1", "ucls2", "ucls3"]
    with pytest.raises(ValueError, match="feature names should match"):
        found.predict(table[list("hgfedcba")])


def test_one_cluster_needs_no_heads() -> None:
    features = blobs(20, 0)[0]
    found = clusterer(1).fit(features)
    assert found.labels_.tolist() == found.predict(features).tolist() == [0] * 20
    assert found.merge_tree_ is None
    assert found.transform(features).shape == (20, 1)


@pytest.mark.parametrize("n_samples", [2, 3, 5, 9])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tiny_data(n_samples: int) -> None:
    features = np.random.default_rng(n_samples).normal(size=(n_samples, 3))
    labels = clusterer(2).fit_predict(features)
    assert set(labels) <= {0, 1}
    assert len(labels) == n_samples
    assert len(clusterer(n_samples).fit_predict(features)) == n_samples


def test_whole_numbers_and_constant_columns() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0, 7, 0], [20, 0, 7, 0], [0, 20, 7, 0]])
    labels = np.arange(90) % 3
    features = centres[labels] + rng.integers(0, 4, (90, 4)) * [1, 1, 0, 0]
    assert adjusted_rand_score(labels, clusterer(3).fit_predict(features)) == 1
    wide = np.hstack([features, np.full((90, 30), 5)])
    assert adjusted_rand_score(labels, clusterer(3).fit_predict(wide)) == 1


def test_rows_of_zeros_are_samples() -> None:
    features, labels = blobs(120, 0)
    features[labels == 0] = 0
    found = clusterer().fit_predict(features)
    assert adjusted_rand_score(labels, found) > 0.95


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"n_clusters": None}, "how many clusters.* 10 images are too few"),
        ({"n_clusters": 11}, "n_clusters=11 .* n_samples=10"),
        ({"effort": "much"}, "effort"),
        ({"random_state": -1}, "seed"),
        ({"device": "tpu"}, "device"),
        ({"settings": {"train.epoch": 3}}, "epoch"),
        ({"settings": {"seed": 3}}, "settings must be of the sections .*, got seed"),
        ({"settings": {"train.views": "augmented"}}, "views"),
        ({"settings": {"neighbors.k": 10}}, "must be between 1 and 9"),
    ],
)
def test_wrong_parameters_are_told(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        clusterer(**{"n_clusters": 3, **params}).fit(np.random.default_rng(0).normal(size=(10, 4)))


@pytest.mark.parametrize(
    ("features", "error", "told"),
    [
        (np.ones((1, 3)), ValueError, "1 sample.* minimum of 2"),
        (np.ones((9, 3)), ValueError, "all 9 rows of features are the same"),
        (np.full((9, 3), np.nan), ValueError, "NaN"),
        (np.arange(27.0).reshape(9, 3) * 1e300, ValueError, "within float32"),
        (csr_array(np.eye(9)), TypeError, "[Ss]parse"),
        (np.arange(9.0), ValueError, "Expected 2D array"),
    ],
)
def test_samples_that_cannot_be_used_are_told(
    features: Any, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        clusterer(2).fit(features)


def test_before_fitting_nothing_is_predicted() -> None:
    for method in (clusterer().predict, clusterer().predict_proba, clusterer().transform):
        with pytest.raises(NotFittedError):
            method(blobs(10, 0)[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_doubts_are_warnings() -> None:
    two = np.repeat(np.eye(2), 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="only 2 distinct rows of features for 3"):
        clusterer(3).fit(two)
    with pytest.warns(ConvergenceWarning, match="6 clusters look wrong: .* clearly into 4"):
        clusterer(6).fit(blobs(240, 0)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusterer().fit(blobs(120, 0)[0])


@pytest.mark.slow  # a minute
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_finds_nothing_wrong() -> None:
    check_estimator(UCLS(n_clusters=3, effort="quick"))


def test_without_a_number_the_samples_tell_it() -> None:
    features, labels = blobs(120, 0)
    found = clusterer(None).fit(features)
    assert found.n_clusters_ == 4
    assert found.suggestion_ is not None
    assert found.suggestion_.how_sure == "clear"
    assert adjusted_rand_score(labels, found.labels_) > 0.9
    assert clusterer(4).fit(features).suggestion_ is None


def test_one_cloud_is_one_cluster() -> None:
    cloud = np.random.default_rng(0).normal(size=(200, 24))
    found = clusterer(None).fit(cloud)
    assert found.n_clusters_ == 1
    assert not found.labels_.any()
    with pytest.raises(ValueError, match="all 30 rows of features are the same"):
        clusterer(None).fit(np.ones((30, 4)))


def test_known_labels_have_clusters_of_their_own(fitted: UCLS) -> None:
    features, labels = blobs(120, 0)
    torn = np.full(120, -1)  # two labels in one class, which without would be one cluster
    first, second = np.flatnonzero(labels == 0)[:2]
    torn[[first, second]] = 7, 50
    found = clusterer().fit(features, known_labels=torn)
    assert fitted.labels_[first] == fitted.labels_[second]
    assert list(found.known_clusters_) == [7, 50]
    assert found.known_clusters_ == {7: found.labels_[first], 50: found.labels_[second]}
    assert found.labels_[first] != found.labels_[second]
    assert fitted.known_clusters_ == {}
    nothing = clusterer().fit(features, known_labels=np.full(120, -1))
    np.testing.assert_array_equal(nothing.labels_, fitted.labels_)


def test_pairs_are_kept() -> None:
    features, labels = blobs(120, 0)
    one, other = (np.flatnonzero(labels == label)[:2] for label in (0, 1))
    pairs = {"must_link": [[one[0], other[0]]], "cannot_link": [[one[0], one[1]]]}
    found = clusterer().fit_predict(features, **pairs)
    assert found[one[0]] == found[other[0]]
    assert found[one[0]] != found[one[1]]


def test_true_labels_leak_into_no_clustering(fitted: UCLS) -> None:
    features = blobs(120, 0)[0]
    found = clusterer().fit(features, np.arange(120) % 4)
    np.testing.assert_array_equal(found.labels_, fitted.labels_)


def test_known_labels_are_routed_through_a_pipeline() -> None:
    features, labels = blobs(120, 0)
    known = np.where(np.arange(120) < 12, labels, -1)
    chain = make_pipeline(StandardScaler(), clusterer())
    by_name = chain.fit_predict(features, ucls__known_labels=known)
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(
            StandardScaler(), clusterer().set_fit_request(known_labels=True)
        ).fit(features, known_labels=known)
    np.testing.assert_array_equal(routed[-1].labels_, by_name)
    assert set(routed[-1].known_clusters_) == set(labels[:12])


def test_without_a_number_every_known_label_has_a_cluster() -> None:
    features, _ = blobs(120, 0)
    known = np.full(120, -1)
    known[:12] = np.arange(12)
    found = clusterer(None).fit(features, known_labels=known)
    assert found.suggestion_ is not None
    assert found.suggestion_.n_clusters < found.n_clusters_ == 12
    assert len(set(found.labels_[:12])) == 12


def test_one_cluster_keeps_nothing_apart_and_says_so() -> None:
    with pytest.warns(ConvergenceWarning, match="1 pair that cannot be .* for 1 cluster$"):
        clusterer(1).fit(blobs(20, 0)[0], cannot_link=[[0, 1]])


def test_known_labels_of_one_cluster_and_of_too_many() -> None:
    features = blobs(20, 0)[0]
    known = np.where(np.arange(20) < 2, 5, -1)
    assert clusterer(1).fit(features, known_labels=known).known_clusters_ == {5: 0}
    with pytest.raises(ValueError, match="has 20 labels, but n_clusters=3"):
        clusterer(3).fit(features, known_labels=np.arange(20))
