from typing import Any

import numpy as np
import pytest
import torch

from ucls.training.inputs import fit_inputs, transform

N, D = 200, 12


def features(seed: int = 0, n_views: int = 1) -> torch.Tensor:
    """Correlated columns of very different size and mean, [V, N, D]."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n_views, N, D)) @ rng.normal(size=(D, D))
    return torch.from_numpy(mixed * np.logspace(-2, 2, D) + np.linspace(-50, 50, D)).float()


def standardized(x: torch.Tensor) -> torch.Tensor:
    x = x.double()
    return (x - x.mean(dim=0)) / x.std(dim=0, correction=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("exponent", [-100, 0, 100])
def test_batch_norm_is_that_of_all_images(seed: int, exponent: int) -> None:
    x = features(seed)[0]
    sized = torch.ldexp(x, torch.tensor(exponent))
    inputs = fit_inputs(sized, D, batch_norm=True)
    assert inputs.axes is None
    found = inputs(sized).double()
    large = (
        x.std(dim=0) > 0.1 * x.std(dim=0).max()
    )  # beside which the epsilon of batch norm is nothing
    torch.testing.assert_close(found[:, large], standardized(x)[:, large], atol=2e-2, rtol=2e-2)


def test_features_far_from_zero_are_standardised_as_well() -> None:
    x = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
    far = x + 1e4
    found = fit_inputs(far, D, batch_norm=True)(far)
    torch.testing.assert_close(found.double(), standardized(x), atol=5e-3, rtol=0)


def test_without_batch_norm_only_the_scale_changes() -> None:
    x = features()[0]
    inputs = fit_inputs(x, D, batch_norm=False)
    torch.testing.assert_close(inputs(x), x * inputs.scale)
    assert inputs(x).var(dim=0, correction=0).mean() == pytest.approx(1.0, rel=1e-4)


def test_constant_columns_and_equal_images_stay_finite() -> None:
    for x in (torch.ones(N, D), torch.zeros(N, D)):
        for n_inputs in (D, 3):
            assert fit_inputs(x, n_inputs, batch_norm=True)(x).abs().max() < 1e-3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_inputs", [1, 5, D - 1])
def test_axes_are_those_of_largest_variance(seed: int, n_inputs: int) -> None:
    x = features(seed)[0]
    inputs = fit_inputs(x, n_inputs, batch_norm=True)
    found = inputs(x).double()
    assert found.shape == (N, n_inputs)
    covariance = found.T @ found / N
    variances = np.linalg.eigvalsh(np.cov(inputs.standardize(x).double().T, ddof=0))[::-1]
    expected = torch.from_numpy(np.diag(variances[:n_inputs]))
    torch.testing.assert_close(covariance, expected, atol=1e-4, rtol=1e-3)


def test_axes_do_not_depend_on_the_order_of_the_images() -> None:
    x = features()[0]
    first, second = (fit_inputs(rows, 3, batch_norm=True).axes for rows in (x, x.flip(0)))
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n_inputs", [3, D])
def test_all_views_are_transformed_alike(n_inputs: int) -> None:
    views = features(n_views=3)
    inputs = fit_inputs(views.flatten(0, 1), n_inputs, batch_norm=True)
    expected: Any = torch.stack([inputs(view) for view in views])
    found = transform(inputs, views.clone())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_nothing_is_copied_where_the_width_stays() -> None:
    views = features()
    inputs = fit_inputs(views[0], D, batch_norm=True)
    assert transform(inputs, views).data_ptr() == views.data_ptr()


def test_turned_axes_span_the_same_and_vary_alike() -> None:
    x = torch.randn(2000, 64, generator=torch.Generator().manual_seed(0))
    x = x @ torch.randn(64, 64, generator=torch.Generator().manual_seed(1))
    straight, turned = (fit_inputs(x, 40, batch_norm=True, turned=t) for t in (False, True))
    assert straight.axes is not None
    assert turned.axes is not None
    shared = straight.axes.T @ turned.axes
    torch.testing.assert_close(shared @ shared.T, torch.eye(40), atol=1e-4, rtol=0)
    ratios = [float((v := inputs(x).var(dim=0)).max() / v.min()) for inputs in (straight, turned)]
    assert 2 * ratios[1] < ratios[0]
