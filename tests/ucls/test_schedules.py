import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from ucls.schedules import cosine_rise, gaussian_rise, scale_to_batch, warmup_cosine


def rates(*, warmup_steps: int, total_steps: int, final: float = 0.1) -> list[float]:
    return [
        warmup_cosine(
            step, peak=2.0, final=final, warmup_steps=warmup_steps, total_steps=total_steps
        )
        for step in range(total_steps)
    ]


@pytest.mark.parametrize(("warmup_steps", "total_steps"), [(5, 20), (0, 8), (1, 3), (10, 11)])
def test_warmup_cosine_by_its_closed_form(warmup_steps: int, total_steps: int) -> None:
    rising = 2.0 * np.arange(1, warmup_steps + 1) / max(1, warmup_steps)
    n_falling = total_steps - warmup_steps
    falling = 0.1 + 1.9 * (1 + np.cos(np.pi * np.arange(n_falling) / n_falling)) / 2
    np.testing.assert_allclose(
        rates(warmup_steps=warmup_steps, total_steps=total_steps),
        np.concatenate([rising, falling]),
    )


def test_warmup_cosine_peaks_after_the_warmup_and_then_falls() -> None:
    values = rates(warmup_steps=10, total_steps=100)
    assert all(a < b for a, b in pairwise(values[:10]))
    assert values[9] == values[10] == max(values) == 2.0
    assert all(a > b for a, b in pairwise(values[10:]))
    assert 0.1 < values[-1] < 0.11


def test_a_warmup_as_long_as_the_training_only_rises() -> None:
    np.testing.assert_allclose(rates(warmup_steps=4, total_steps=4), [0.5, 1.0, 1.5, 2.0])


def test_cosine_rise_by_its_closed_form() -> None:
    assert cosine_rise(0.5, 0.0) == 0.0
    assert cosine_rise(0.5, 0.5) == pytest.approx(0.25)
    assert cosine_rise(0.5, 1.0) == pytest.approx(0.5)
    assert cosine_rise(0.5, 0.25) == pytest.approx(0.5 * math.sin(math.pi / 8) ** 2)


def test_rates_are_given_for_a_batch_of_256() -> None:
    assert scale_to_batch(0.3, 256) == pytest.approx(0.3)
    assert scale_to_batch(0.3, 1024) == pytest.approx(1.2)
    assert scale_to_batch(0.3, 64) == pytest.approx(0.075)


def test_gaussian_rise_by_its_closed_form() -> None:
    assert gaussian_rise(0.1, 1.0) == 1.0
    assert gaussian_rise(0.1, 0.0) == pytest.approx(0.106064, abs=1e-6)
    assert gaussian_rise(0.1, 0.5) == pytest.approx(0.1 + 0.9 * math.exp(-1.25))
    assert gaussian_rise(1.0, 0.3) == 1.0
    shares = [gaussian_rise(0.1, step / 50) for step in range(51)]
    assert all(a < b for a, b in pairwise(shares))
    for share, step in zip(shares, range(51), strict=True):
        assert float(gaussian_rise(0.1, torch.tensor(step / 50))) == pytest.approx(share)
