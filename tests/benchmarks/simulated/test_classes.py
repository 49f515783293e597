from statistics import NormalDist

import numpy as np
import pytest

from benchmarks.simulated.classes import (
    BACKGROUND_LEVEL,
    FITTED,
    class_purities,
    make_classes,
)


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
    np.testing.assert_array_equal(classes(5).twins, [1, 0, 3, 2, 4])


@pytest.mark.parametrize("n_classes", [2, 5, 10, 101])
def test_purities_are_even_quantiles(n_classes):
    purities = np.sort(class_purities(FITTED, n_classes))
    quantiles = (np.arange(n_classes) + 0.5) / n_classes
    span = FITTED.purest - FITTED.loosest
    np.testing.assert_allclose(purities, FITTED.loosest + span * quantiles**FITTED.purity_skew)


@pytest.mark.parametrize("n_classes", [10, 100, 1000])
def test_as_many_unrelated_images_reach_the_level_however_many_classes_there_are(n_classes):
    deviation = FITTED.n_dims(n_classes) ** -0.5
    share = 1 - NormalDist(0, deviation).cdf(BACKGROUND_LEVEL)
    # As a share of the class size, images of C - 1 other classes count.
    assert share * (n_classes - 1) == pytest.approx(FITTED.background, rel=0.1)
    assert 2 <= FITTED.n_dims(2) < FITTED.n_dims(10)
