import numpy as np
import pytest

from benchmarks.simulated.classes import class_purities, make_classes
from benchmarks.simulated.geometry import FITTED


def classes(n_classes, n_dims=300, seed=0):
    rng = np.random.default_rng(seed)
    return make_classes(FITTED, n_classes, n_dims=n_dims, rng=rng)


@pytest.mark.parametrize("n_classes", [2, 7, 10, 100])
def test_twins_and_families_are_as_similar_as_said(n_classes):
    made = classes(n_classes)
    cosines = made.centres @ made.centres.T
    np.testing.assert_allclose(np.diag(cosines), 1, rtol=1e-5)
    for one in range(n_classes):
        for other in range(one):
            expected = FITTED.family_similarity if one // 4 == other // 4 else 0.0
            expected = FITTED.twin_similarity if one // 2 == other // 2 else expected
            assert cosines[one, other] == pytest.approx(expected, abs=1e-4)


def test_without_room_for_right_angles_unrelated_classes_are_nearly_at_right_angles():
    cosines = np.abs(classes(100, n_dims=64).centres @ classes(100, n_dims=64).centres.T)
    unrelated = np.arange(100)[:, None] // 4 != np.arange(100) // 4
    assert 0.01 < cosines[unrelated].mean() < 0.15


def test_a_class_without_a_twin_is_its_own():
    np.testing.assert_array_equal(classes(5).twins, [1, 0, 3, 2, 4])


@pytest.mark.parametrize("n_classes", [2, 5, 10, 101])
def test_purities_are_even_quantiles(n_classes):
    purities = np.sort(class_purities(FITTED, n_classes))
    quantiles = (np.arange(n_classes) + 0.5) / n_classes
    span = FITTED.purest - FITTED.loosest
    np.testing.assert_allclose(purities, FITTED.loosest + span * quantiles**FITTED.purity_skew)


def test_twins_are_about_as_pure_and_families_are_mixed():
    purities = class_purities(FITTED, 100).reshape(25, 2, 2)
    assert np.abs(np.diff(purities, axis=2)).max() < 0.02
    assert np.abs(np.diff(purities.mean(axis=2), axis=1)).mean() > 0.2


def test_the_seed_turns_the_classes_and_keeps_their_purities():
    one, same, other = classes(10), classes(10), classes(10, seed=1)
    np.testing.assert_array_equal(one.centres, same.centres)
    np.testing.assert_array_equal(one.modes, same.modes)
    np.testing.assert_array_equal(one.purity, other.purity)
    assert np.abs(one.centres - other.centres).max() > 0.1
