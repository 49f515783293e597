import math
from typing import Any

import numpy as np
import pytest
import torch

from ucls.objectives.partial_transport import (
    BATCHES,
    EPSILON,
    FIRST_SHARE,
    Assignment,
    PartialTransport,
    partial_transport,
)
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.schedules import gaussian_rise

ROWS, CLUSTERS, TEMPERATURE = 40, 5, 0.4

all_seeds = pytest.mark.parametrize("seed", range(3))
all_masses = pytest.mark.parametrize("mass", [0.1, 0.5, 0.9])
all_strengths = pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=torch.float64) * 2 - 1


def uneven(seed: int, n_rows: int = ROWS) -> torch.Tensor:
    """Logits [n, C] of clusters that are not alike."""
    return random_logits(seed, n_rows, CLUSTERS) - torch.linspace(0, 1, CLUSTERS).double()


def unseen(logits: torch.Tensor) -> torch.Tensor:
    return logits.new_zeros(*logits.shape[:-2], 1, logits.shape[-1] + 1)


def solved(logits: torch.Tensor, **options: Any) -> Assignment:
    """The fixed point for one batch alone."""
    given = {"temperature": TEMPERATURE, "iterations": 3000} | options
    return partial_transport(logits, unseen(logits), **given)


def plan_of(found: Assignment) -> torch.Tensor:
    """Q, [N, C]."""
    return found.probs * found.selected.unsqueeze(-1) / len(found.probs)


def prediction(logits: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """P, [N, C]."""
    return (logits * EPSILON / temperature).softmax(dim=-1)


def by_scaling(logits: torch.Tensor, mass: float, strength: float) -> torch.Tensor:
    """Q [N, C] by the paper's algorithm in plain numbers, until nothing moves."""
    costs = -prediction(logits).log().numpy()
    kernel = np.exp(-np.hstack([costs, np.zeros((len(costs), 1))]) / EPSILON)
    n_clusters = costs.shape[1]
    sizes = np.array([mass / n_clusters] * n_clusters + [1.0 - mass])
    power = np.array([strength] * n_clusters + [1.0])
    by_cluster = np.ones(n_clusters + 1)
    for _ in range(20_000):
        by_row = 1.0 / len(costs) / (kernel @ by_cluster)
        by_cluster = (sizes / (kernel.T @ by_row)) ** power
    by_row = 1.0 / len(costs) / (kernel @ by_cluster)
    return torch.from_numpy((by_row[:, None] * kernel * by_cluster)[:, :-1])


def objective(plan: torch.Tensor, logits: torch.Tensor, mass: float, strength: float) -> float:
    """What is minimised, with lambda = epsilon s / (1 - s)."""
    rest = 1.0 / len(plan) - plan.sum(dim=1)
    minus_entropy = torch.xlogy(plan, plan).sum() + torch.xlogy(rest, rest).sum()
    sizes = plan.sum(dim=0)
    divergence = (sizes * (sizes * plan.shape[1] / mass).log()).sum()
    cost = -(plan * prediction(logits).log()).sum()
    return float(cost + EPSILON * minus_entropy + EPSILON * strength / (1 - strength) * divergence)


@pytest.mark.slow
@all_seeds
@all_masses
@all_strengths
def test_equals_the_papers_scaling(seed: int, mass: float, strength: float) -> None:
    logits = uneven(seed)
    found = plan_of(solved(logits, mass=mass, strength=strength))
    torch.testing.assert_close(found, by_scaling(logits, mass, strength), atol=1e-8, rtol=1e-5)


@pytest.mark.slow
@all_seeds
@all_masses
@all_strengths
def test_the_fixed_point_meets_all_conditions(seed: int, mass: float, strength: float) -> None:
    logits = uneven(seed)
    plan = plan_of(solved(logits, mass=mass, strength=strength))
    by_row, sizes = plan.sum(dim=1), plan.sum(dim=0)
    assert (by_row <= 1.0 / ROWS + 1e-15).all()
    assert float(plan.sum()) == pytest.approx(mass, abs=1e-6)

    # log Q = (log P + price of the row - lambda log(C size / rho)) / epsilon, and what is left of a
    # row, which costs nothing, has the price of the row alone: the condition on the sizes.
    price = -strength / (1 - strength) * (sizes * CLUSTERS / mass).log()
    of_row = plan.log() - prediction(logits).log() / EPSILON - price
    left = (1.0 / ROWS - by_row).log()
    expected = (left - left[0]).unsqueeze(-1).expand_as(of_row)
    torch.testing.assert_close(of_row - of_row[0, 0], expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@all_seeds
@pytest.mark.parametrize("mass", [0.2, 0.8])
@all_strengths
def test_nothing_nearby_is_better(seed: int, mass: float, strength: float) -> None:
    logits = uneven(seed)
    best = plan_of(solved(logits, mass=mass, strength=strength))
    least = objective(best, logits, mass, strength)
    others = [
        mass / ROWS * random_logits(100 + i, ROWS, CLUSTERS).mul(4).softmax(dim=-1)
        for i in range(5)
    ]
    others.append(plan_of(solved(logits, mass=mass, strength=0.99 * strength)))
    for other in others:
        for step in (0.01, 0.1, 1.0):
            # By less than what is left to the mass of the best.
            assert objective(best.lerp(other, step), logits, mass, strength) > least - 1e-7


def test_two_rows_and_clusters_by_hand() -> None:
    # Alike in both clusters: half of each row's mass rho / 2, and no size to pay for.
    found = solved(torch.zeros(2, 2).double(), mass=0.3)
    torch.testing.assert_close(plan_of(found), torch.full((2, 2), 0.075).double())
    # One row's P is (e^u, 1) / (1 + e^u) at a temperature of 4, the other's its mirror image.
    u = math.log(3.0)
    logits = TEMPERATURE * u * torch.eye(2).double()
    found = solved(logits, mass=0.6)
    torch.testing.assert_close(found.probs, torch.tensor([[0.75, 0.25], [0.25, 0.75]]).double())
    torch.testing.assert_close(found.selected, torch.full((2,), 0.6).double())


@all_seeds
def test_sure_rows_are_taken_first(seed: int) -> None:
    logits = random_logits(seed, ROWS, CLUSTERS) * 0.1
    sure = torch.arange(ROWS) % 4 == 0
    logits[sure] += torch.eye(CLUSTERS).double()[torch.arange(int(sure.sum())) % CLUSTERS]
    selected = solved(logits, mass=0.25, temperature=0.05).selected
    assert selected[sure].min() > 0.9
    assert selected[~sure].max() < 0.1


@all_seeds
@all_strengths
def test_all_of_the_mass_is_the_relaxed_sinkhorn(seed: int, strength: float) -> None:
    logits = uneven(seed)
    found = solved(logits, mass=1.0, strength=strength)
    torch.testing.assert_close(found.selected, torch.ones(ROWS).double())
    log_kernel, by_cluster = logits / TEMPERATURE, torch.zeros(CLUSTERS).double()
    for _ in range(500):
        by_row = -math.log(ROWS) - (log_kernel + by_cluster).logsumexp(dim=1, keepdim=True)
        by_cluster = strength * (-math.log(CLUSTERS) - (log_kernel + by_row).logsumexp(dim=0))
    expected = (log_kernel + by_cluster).softmax(dim=-1)
    torch.testing.assert_close(found.probs, expected, atol=1e-9, rtol=0)


@all_seeds
def test_all_of_the_mass_in_full_strength_is_sinkhorn(seed: int) -> None:
    logits = uneven(seed)
    found = solved(logits, mass=1.0, strength=1.0 - 1e-7)
    expected = sinkhorn_knopp(logits, temperature=TEMPERATURE, iterations=500)
    torch.testing.assert_close(found.probs, expected, atol=1e-5, rtol=0)


@all_seeds
def test_no_strength_leaves_the_sizes_of_all_mass_to_the_softmax(seed: int) -> None:
    logits = uneven(seed)
    found = solved(logits, mass=1.0, strength=1e-9)
    torch.testing.assert_close(found.probs, (logits / TEMPERATURE).softmax(dim=-1))


@pytest.mark.slow
@all_seeds
@all_masses
def test_more_strength_gives_more_equal_sizes(seed: int, mass: float) -> None:
    logits = uneven(seed)
    spread = [
        float(plan_of(solved(logits, mass=mass, strength=strength)).sum(dim=0).std())
        for strength in (0.05, 0.3, 0.6, 0.9)
    ]
    assert spread == sorted(spread, reverse=True)


@all_seeds
def test_heads_are_assigned_on_their_own_and_in_float32(seed: int) -> None:
    logits = random_logits(seed, 3, ROWS, CLUSTERS)
    together = solved(logits, mass=0.4, iterations=3)
    single = solved(logits.float(), mass=0.4, iterations=3)
    assert single.probs.dtype == single.selected.dtype == torch.float32
    torch.testing.assert_close(single.probs.double(), together.probs, atol=1e-5, rtol=0)
    for head in range(3):
        alone = solved(logits[head], mass=0.4, iterations=3)
        torch.testing.assert_close(together.probs[head], alone.probs)
        torch.testing.assert_close(together.selected[head], alone.selected)
        torch.testing.assert_close(together.log_seen[head], alone.log_seen)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e3, 1e6, 1e37])
@pytest.mark.parametrize("mass", [0.1, 1.0])
def test_any_finite_logits_give_probabilities(dtype: torch.dtype, size: float, mass: float) -> None:
    logits = (random_logits(0, ROWS, CLUSTERS) * size).to(dtype)
    logits[:, 2] -= size
    found = partial_transport(logits, torch.zeros(1, CLUSTERS + 1), mass=mass, temperature=0.02)
    assert found.probs.dtype == torch.float32
    torch.testing.assert_close(found.probs.sum(dim=-1), torch.ones(ROWS))
    assert found.log_seen.isfinite().all()
    assert ((found.selected >= 0.0) & (found.selected <= 1.0 + 1e-6)).all()


@all_seeds
def test_a_batch_that_weighs_all_forgets_the_others(seed: int) -> None:
    logits = uneven(seed)
    options: dict[str, Any] = {"mass": 0.5, "temperature": TEMPERATURE, "iterations": 3000}
    start = random_logits(seed + 50, 1, CLUSTERS + 1)
    anew = partial_transport(logits, start, **options)
    torch.testing.assert_close(anew.probs, solved(logits, mass=0.5).probs, atol=1e-6, rtol=0)


@pytest.mark.slow
@all_seeds
def test_small_batches_agree_with_all_rows_at_once(seed: int) -> None:
    logits = uneven(seed, 4 * ROWS)
    whole = solved(logits, mass=0.5, strength=0.9)
    log_seen = unseen(logits)
    options: dict[str, Any] = {"mass": 0.5, "temperature": TEMPERATURE, "strength": 0.9}
    for i in range(4000):
        rows = slice(i % 16 * 10, i % 16 * 10 + 10)
        log_seen = partial_transport(logits[rows], log_seen, weight=0.01, **options).log_seen
    online = partial_transport(logits, log_seen, iterations=1, weight=1e-6, **options)
    assert float(online.selected.mean()) == pytest.approx(0.5, abs=0.01)
    torch.testing.assert_close(online.probs, whole.probs, atol=0.02, rtol=0)
    torch.testing.assert_close(online.selected, whole.selected, atol=0.02, rtol=0)


def new_transport(**options: Any) -> PartialTransport:
    return PartialTransport(3, CLUSTERS, **options)


@all_seeds
def test_views_are_rows_of_one_batch_and_weights_those_of_the_mass(seed: int) -> None:
    logits = random_logits(seed, 3, 2, ROWS, CLUSTERS).float()
    for progress in (0.0, 0.5, 1.0):
        probs, weights = new_transport(iterations=300)(logits, progress)
        assert probs.shape == logits.shape
        assert weights.shape == logits.shape[:-1]
        torch.testing.assert_close(probs.sum(dim=-1), torch.ones_like(weights))
        torch.testing.assert_close(weights.mean(dim=(1, 2)), torch.ones(3), atol=0.02, rtol=0)
        flat = logits.flatten(1, 2)
        mass = gaussian_rise(FIRST_SHARE, progress)
        alone = partial_transport(
            flat, torch.zeros(3, 1, CLUSTERS + 1), mass=mass, temperature=0.1, iterations=300
        )
        torch.testing.assert_close(probs.flatten(1, 2), alone.probs)
        torch.testing.assert_close(weights.flatten(1, 2) * mass, alone.selected)


@all_seeds
def test_the_first_batches_are_averaged_alike_and_later_ones_fade(seed: int) -> None:
    transport = new_transport()
    seen = torch.zeros(3, 1, CLUSTERS + 1)
    for i in range(2 * BATCHES):
        logits = random_logits(100 * seed + i, 3, 1, ROWS, CLUSTERS).float()
        expected = partial_transport(
            logits[:, 0],
            seen,
            mass=gaussian_rise(FIRST_SHARE, 0.3),
            temperature=0.1,
            weight=max(1.0 / (i + 1), 1.0 / BATCHES),
        )
        probs, _ = transport(logits, 0.3)
        torch.testing.assert_close(probs[:, 0], expected.probs, atol=1e-5, rtol=1e-4)
        seen = expected.log_seen
    torch.testing.assert_close(transport.log_seen, seen, atol=1e-4, rtol=1e-5)


@all_seeds
def test_a_saved_state_goes_on_to_the_same_numbers(seed: int) -> None:
    transport, other = new_transport(), new_transport()
    batches = [random_logits(seed + i, 3, 2, ROWS, CLUSTERS).float() for i in range(3)]
    for batch in batches[:2]:
        transport(batch, 0.1)
    other.load_state_dict(transport.state_dict())
    for one, two in zip(transport(batches[2], 0.2), other(batches[2], 0.2), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(new_transport()(batches[2], 0.2)[0], transport(batches[2], 0.2)[0])


def test_progress_may_be_a_tensor() -> None:
    logits = random_logits(0, 3, 2, ROWS, CLUSTERS).float()
    for progress in (0.0, 0.4, 1.0):
        plain = new_transport()(logits, progress)
        for ours, expected in zip(
            new_transport()(logits, torch.tensor(progress)), plain, strict=True
        ):
            torch.testing.assert_close(ours, expected)
