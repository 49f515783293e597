import numpy as np
import pytest
import torch

from ucls.preparation.columns import ColumnStatistics


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("size", [1e-33, 1e-30, 1e-7, 1.0, 1e20, 1e33])
def test_features_of_any_scale_are_brought_to_one(size: float, offset: float) -> None:
    values = np.random.default_rng(0).normal([3.0, offset], [1.0, 2.0], (50, 2)) * size
    features = torch.from_numpy(values.astype(np.float32))
    statistics = ColumnStatistics.of(features.split(7))
    exact = features.numpy().astype(np.float64)
    np.testing.assert_allclose(statistics.mean, exact.mean(axis=0))
    np.testing.assert_allclose(statistics.variance, exact.var(axis=0), rtol=1e-6)
    standardized = statistics.standardize(features)
    assert standardized.dtype == torch.float32
    assert standardized.double().square().mean() == pytest.approx(1.0, rel=1e-2)
    np.testing.assert_allclose(standardized.mean(dim=0), 0.0, atol=1e-3)


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.4e-45, 0.0], [-3.4e38, 3.4e38]])
def test_the_scale_is_finite_and_positive_in_float32(values: list[float]) -> None:
    features = torch.tensor(values)[:, None]
    statistics = ColumnStatistics.of([features])
    assert 0 < np.float32(statistics.scale) < np.inf
    assert statistics.standardize(features).isfinite().all()
