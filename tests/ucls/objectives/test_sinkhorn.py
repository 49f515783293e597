import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from ucls.objectives.sinkhorn import sinkhorn_knopp

REFERENCE = json.loads((Path(__file__).parent / "fixtures/sinkhorn_reference.json").read_text())

every_case = pytest.mark.parametrize(
    "case", REFERENCE["cases"], ids=lambda case: f"{case['temperature']}-{case['iterations']}"
)


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


@every_case
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_the_public_dinov2_code(case: dict[str, Any], dtype: torch.dtype) -> None:
    centered = sinkhorn_knopp(
        torch.tensor(case["logits"], dtype=dtype),
        temperature=case["temperature"],
        iterations=case["iterations"],
    )
    expected = torch.tensor(case["probs"], dtype=torch.float64)
    tolerance = 1e-12 if dtype == torch.float64 else 2e-6
    torch.testing.assert_close(centered.double(), expected, atol=tolerance, rtol=0)


def test_keeps_double_precision() -> None:
    logits = random_logits(0, 8, 3).double()
    centered = sinkhorn_knopp(logits, temperature=0.1)
    assert centered.dtype == torch.float64
    torch.testing.assert_close(centered.sum(dim=1), torch.ones(8).double(), atol=1e-14, rtol=0)


def apart(seed: int, kind: str) -> torch.Tensor:
    """What is added to logits [48, 9]: rows, columns, both, or some rows far from the others."""
    rows, columns = random_logits(seed, 48, 1), random_logits(seed + 50, 1, 9)
    if kind == "some rows":
        return random_logits(seed, 48, 9) * (rows > 0.5)
    return rows * (kind != "columns") + columns * (kind != "rows")


@pytest.fixture(params=[False, True], ids=["eager", "compiled"])
def compiling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param)


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("kind", ["rows", "columns", "both", "some rows"])
@pytest.mark.parametrize("size", [1.0, 5.0, 20.0, 100.0, 1e4, 1e6, 3e37])
def test_any_finite_logits_give_what_logarithms_give(kind: str, size: float) -> None:
    for seed, (temperature, iterations) in enumerate([(0.02, 3), (0.1, 1), (0.1, 3), (1.0, 12)]):
        logits = random_logits(seed, 48, 9) + apart(seed, kind) * size
        expected = log_space(logits, temperature, iterations)
        centered = sinkhorn_knopp(logits, temperature=temperature, iterations=iterations)
        assert centered.dtype == torch.float32
        torch.testing.assert_close(centered.sum(dim=-1), torch.ones(48))
        # At the largest size float64 itself has no digits left for what is added up.
        if size < 1e30:
            torch.testing.assert_close(centered, expected.float(), atol=3e-6, rtol=0)


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_heads_far_apart_are_exact_in_every_precision_and_leave_the_others_alone(
    dtype: torch.dtype,
) -> None:
    logits = random_logits(0, 2, 3, 32, 5)
    logits[1, 2] += 200.0 * random_logits(1, 32, 1)
    logits = logits.to(dtype)
    centered = sinkhorn_knopp(logits, temperature=0.1)
    torch.testing.assert_close(centered.double(), log_space(logits, 0.1, 3), atol=3e-6, rtol=0)


def test_a_head_that_is_not_finite_does_not_hide_another() -> None:
    logits = random_logits(0, 2, 32, 5)
    logits[0, 3, 1] = torch.nan
    logits[1] += 200.0 * random_logits(1, 32, 1)
    centered = sinkhorn_knopp(logits, temperature=0.1)
    torch.testing.assert_close(
        centered[1].double(), log_space(logits[1], 0.1, 3), atol=3e-6, rtol=0
    )
