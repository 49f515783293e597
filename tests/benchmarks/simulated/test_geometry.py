from dataclasses import fields
from statistics import NormalDist

import pytest

from benchmarks.simulated.geometry import BACKGROUND_LEVEL, FITTED


@pytest.mark.parametrize("n_classes", [10, 100, 1000])
def test_as_many_unrelated_images_reach_the_level_however_many_classes_there_are(n_classes):
    deviation = FITTED.n_dims(n_classes) ** -0.5
    share = 1 - NormalDist(0, deviation).cdf(BACKGROUND_LEVEL)
    # As a share of the class size, images of C - 1 other classes count.
    assert share * (n_classes - 1) == pytest.approx(FITTED.background, rel=0.1)


def test_two_classes_have_dimensions_too():
    assert 2 <= FITTED.n_dims(2) < FITTED.n_dims(10)


def test_what_is_fitted_is_in_range():
    for field in fields(FITTED):
        assert getattr(FITTED, field.name) > 0
    assert FITTED.loosest < FITTED.purest < 1
    assert FITTED.family_similarity < FITTED.twin_similarity < 1
    assert FITTED.mixed < 1
    assert FITTED.mode_share < 1
