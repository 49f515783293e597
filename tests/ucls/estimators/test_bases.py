import numpy as np
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.conftest import blobs
from ucls.estimators.bases import fit_base, renumbered


def test_a_copy_is_fitted_with_the_seed_wherever_it_lies() -> None:
    samples = blobs(60, 0)[0]
    bare, chained = KMeans(4, random_state=5), make_pipeline(StandardScaler(), KMeans(4))
    found = [fit_base(base, samples, seed=3, given={}).clusterer for base in (bare, chained)]
    assert found[0].random_state == found[1][-1].random_state == 3
    assert bare.random_state == 5
    assert not hasattr(bare, "labels_")


def test_noise_stays_noise_and_numbers_begin_at_zero() -> None:
    samples = np.array([[0.0], [0.1], [9.0], [5.0], [5.1]])
    found = fit_base(DBSCAN(eps=0.5, min_samples=2), samples, seed=0, given={})
    assert found.labels.tolist() == [0, 0, -1, 1, 1]
    assert found.labels.dtype == np.int32


def test_renumbering() -> None:
    numbers = np.array([2, 5])
    assert renumbered(np.array([5, 2, -1, 3, 9]), numbers).tolist() == [1, 0, -1, -1, -1]
    assert renumbered(np.array([-1, -1]), np.array([], np.int64)).tolist() == [-1, -1]


def test_what_is_no_clusterer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a clusterer with fit_predict, got Standard"):
        fit_base(StandardScaler(), np.zeros((3, 1)), seed=0, given={})
