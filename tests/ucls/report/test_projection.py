import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import blobs
from ucls.report.projection import project


def assert_fits(points: NDArray[np.float32], n: int) -> None:
    assert points.dtype == np.float32
    assert points.shape == (n, 2)
    assert (points >= 0).all()
    assert (points <= 1).all()


def test_similar_images_lie_together() -> None:
    features, corners = blobs(200, 0)
    points = project(features, 0)
    assert_fits(points, 200)
    distance = np.linalg.norm(points[:, None] - points, axis=-1) + 9 * np.eye(200)
    assert (corners[distance.argmin(axis=1)] == corners).mean() > 0.97


def test_the_longer_side_fills_and_the_other_is_centred() -> None:
    points = project(blobs(100, 0)[0], 3)
    low, high = points.min(axis=0), points.max(axis=0)
    assert (high - low).max() == pytest.approx(1.0)
    np.testing.assert_allclose(low + high, 1.0, atol=1e-6)


@pytest.mark.slow
def test_the_seed_decides() -> None:
    features = np.random.default_rng(0).normal(size=(300, 60)).astype(np.float32)
    first, again, other = (project(features, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 20])
@pytest.mark.parametrize("width", [1, 2, 70])
def test_any_number_of_images_and_columns(n: int, width: int) -> None:
    points = project(np.random.default_rng(n).normal(size=(n, width)), 0)
    assert_fits(points, n)
    assert len(np.unique(points, axis=0)) == n


@pytest.mark.parametrize("n", [1, 4, 40])
def test_equal_rows_lie_in_the_middle(n: int) -> None:
    np.testing.assert_array_equal(project(np.full((n, 3), 0.1, np.float32), 0), 0.5)


def test_a_few_different_rows_among_equal_ones() -> None:
    features = np.zeros((50, 4), np.float32)
    features[:3] = np.eye(3, 4)
    points = project(features, 0)
    assert_fits(points, 50)
    assert len(np.unique(points, axis=0)) > 3


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_the_scale_does_not_matter(scale: float) -> None:
    features = blobs(60, 0)[0].astype(np.float64)
    np.testing.assert_allclose(project(features * scale, 0), project(features, 0), atol=0.05)


def test_columns_of_very_different_scales_count_alike() -> None:
    features, corners = blobs(120, 0)
    points = project(features * np.logspace(-15, 15, 8), 0)
    distance = np.linalg.norm(points[:, None] - points, axis=-1) + 9 * np.eye(120)
    assert (corners[distance.argmin(axis=1)] == corners).mean() > 0.97


def test_half_precision() -> None:
    assert_fits(project(blobs(30, 0)[0].astype(np.float16), 0), 30)
