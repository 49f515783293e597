import math

import pytest
import torch

from ucls.objectives.sinkhorn import sinkhorn_knopp


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


def dense_loop(logits: torch.Tensor, temperature: float, iterations: int) -> torch.Tensor:
    """DINOv2's published recipe on one batch [B, C], in float64: exponentiate, then rescale."""
    n_images, n_clusters = logits.shape
    masses = (logits.double() / temperature).exp().t()
    masses = masses / masses.sum()
    for _ in range(iterations):
        masses = masses / masses.sum(dim=1, keepdim=True) / n_clusters
        masses = masses / masses.sum(dim=0, keepdim=True) / n_images
    return (masses * n_images).t()


def log_space(logits: torch.Tensor, temperature: float, iterations: int) -> torch.Tensor:
    """The same for logits of any size."""
    log_masses = logits.double() / temperature
    for _ in range(iterations):
        log_masses = log_masses - log_masses.logsumexp(dim=-2, keepdim=True)
        log_masses = log_masses - log_masses.logsumexp(dim=-1, keepdim=True)
    return log_masses.exp()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("temperature", [0.02, 0.04, 0.1, 1.0])
@pytest.mark.parametrize("iterations", [1, 3])
def test_equals_the_dense_loop(seed: int, temperature: float, iterations: int) -> None:
    logits = random_logits(seed, 24, 7)
    expected = dense_loop(logits, temperature, iterations).float()
    centered = sinkhorn_knopp(logits, temperature=temperature, iterations=iterations)
    torch.testing.assert_close(centered, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_each_batch_is_centered_on_its_own(seed: int) -> None:
    logits = random_logits(seed, 2, 3, 16, 5)
    centered = sinkhorn_knopp(logits, temperature=0.1)
    for view in range(2):
        for head in range(3):
            alone = sinkhorn_knopp(logits[view, head], temperature=0.1)
            torch.testing.assert_close(centered[view, head], alone)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_distributions_and_columns_balance(seed: int) -> None:
    logits = random_logits(seed, 60, 6)
    logits[:, 0] += 1.0
    centered = sinkhorn_knopp(logits, temperature=0.2, iterations=200)
    torch.testing.assert_close(centered.sum(dim=1), torch.ones(60))
    torch.testing.assert_close(centered.sum(dim=0), torch.full((6,), 10.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_a_constant_on_a_cluster_cancels(seed: int) -> None:
    logits = random_logits(seed, 20, 4)
    shifted = logits + torch.tensor([0.0, 0.5, -0.25, 3.0])
    torch.testing.assert_close(
        sinkhorn_knopp(shifted, temperature=0.1),
        sinkhorn_knopp(logits, temperature=0.1),
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_cluster_far_below_all_others_is_exact_at_low_temperature(seed: int) -> None:
    logits = random_logits(seed, 64, 10)
    logits[:, 3] = random_logits(seed + 100, 64) * 0.1 - 4.0
    torch.testing.assert_close(
        sinkhorn_knopp(logits, temperature=0.02),
        log_space(logits, 0.02, 3).float(),
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.parametrize("size", [10.0, 1e3, 1e6])
@pytest.mark.parametrize("temperature", [0.02, 0.1])
def test_large_logits_do_not_overflow(size: float, temperature: float) -> None:
    centered = sinkhorn_knopp(random_logits(0, 32, 5) * size, temperature=temperature)
    assert centered.isfinite().all()
    torch.testing.assert_close(centered.sum(dim=1), torch.ones(32))


def test_a_perfect_assignment_stays() -> None:
    logits = torch.eye(4).repeat(3, 1) * 2 - 1
    torch.testing.assert_close(sinkhorn_knopp(logits, temperature=0.02), torch.eye(4).repeat(3, 1))


def test_leaves_its_input_alone_and_takes_half_precision() -> None:
    logits = random_logits(0, 8, 3)
    before = logits.clone()
    full = sinkhorn_knopp(logits, temperature=0.1)
    assert torch.equal(logits, before)
    half = sinkhorn_knopp(logits.bfloat16(), temperature=0.1)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, sinkhorn_knopp(logits.bfloat16().float(), temperature=0.1))
    assert not torch.equal(full, half)


def test_equal_logits_give_uniform_rows() -> None:
    centered = sinkhorn_knopp(torch.zeros(6, 3), temperature=0.05)
    torch.testing.assert_close(centered, torch.full((6, 3), 1 / 3))
    assert math.isclose(float(centered.sum()), 6.0, rel_tol=1e-6)
