import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ucls.objectives.entropy import entropy_of_mean
from ucls.objectives.scan import ScanLoss, consistency
from ucls.objectives.student_teacher import center_teacher, student_log_probs

REFERENCE = json.loads((Path(__file__).parent / "fixtures/scan_reference.json").read_text())
HEADS, IMAGES, CLUSTERS = 3, 8, 4

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


def random_probs(seed: int, *shape: int) -> torch.Tensor:
    return (3 * random_logits(seed, *shape)).softmax(dim=-1)


def numbers(case: dict[str, Any], name: str) -> torch.Tensor:
    return torch.tensor(case[name], dtype=torch.float64)


def sharp(labels: list[int], n_clusters: int) -> torch.Tensor:
    """Log probabilities [B, C] that leave no doubt."""
    return (1000.0 * F.one_hot(torch.tensor(labels), n_clusters)).log_softmax(dim=-1)


@pytest.mark.parametrize("case", REFERENCE["temi_scan"])
def test_equals_the_scan_loss_of_the_public_temi_code(case: dict[str, Any]) -> None:
    loss = ScanLoss(
        entropy_weight=case["alpha"], student_temperature=case["student_temperature"]
    ).double()
    student_logits = numbers(case, "student_logits").requires_grad_()
    teacher_probs = center_teacher(
        numbers(case, "teacher_logits"), temperature=case["teacher_temperature"], iterations=0
    )
    losses = loss(student_logits[:, None], teacher_probs[:, None], 0.0)
    losses.sum().backward()
    torch.testing.assert_close(losses, numbers(case, "loss")[None], atol=1e-6, rtol=0)
    torch.testing.assert_close(
        student_logits.grad, numbers(case, "student_gradient"), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("case", REFERENCE["scan"])
def test_its_terms_make_up_the_public_scan_code(case: dict[str, Any]) -> None:
    anchors, neighbors = (numbers(case, name).requires_grad_() for name in ("anchors", "neighbors"))
    log_probs = anchors.log_softmax(dim=-1)
    agreement = consistency(log_probs, neighbors.softmax(dim=-1)).mean()
    entropy = entropy_of_mean(log_probs)
    total = agreement - case["entropy_weight"] * entropy
    total.backward()
    for ours, name in (
        (agreement, "consistency"),
        (entropy, "entropy"),
        (total, "total"),
        (anchors.grad, "anchors_gradient"),
        (neighbors.grad, "neighbors_gradient"),
    ):
        torch.testing.assert_close(ours, numbers(case, name), atol=1e-6, rtol=0)


@all_seeds
def test_consistency_is_minus_the_log_of_the_dot_product(seed: int) -> None:
    probs, neighbor_probs = (random_probs(seed + i, HEADS, IMAGES, CLUSTERS) for i in (0, 10))
    found = consistency(probs.log(), neighbor_probs)
    for head in range(HEADS):
        for image in range(IMAGES):
            dot = float(probs[head, image] @ neighbor_probs[head, image])
            assert float(found[head, image]) == pytest.approx(-math.log(dot), rel=1e-5)


def test_consistency_of_sure_pairs() -> None:
    labels = [0, 3, 2, 1]
    log_probs = sharp(labels, CLUSTERS)
    same = consistency(log_probs, log_probs.exp())
    torch.testing.assert_close(same, torch.zeros(4))
    unsure = consistency(log_probs, torch.full((4, CLUSTERS), 1 / CLUSTERS))
    torch.testing.assert_close(unsure, torch.full((4,), math.log(CLUSTERS)))


def test_a_sure_pair_that_disagrees_is_pulled_together() -> None:
    logits = torch.tensor([[200.0, 0.0, 0.0, 0.0]], requires_grad=True)
    neighbor = F.one_hot(torch.tensor([1]), CLUSTERS).float()
    loss = consistency(logits.log_softmax(dim=-1), neighbor).sum()
    loss.backward()
    assert loss.item() == pytest.approx(200.0)
    torch.testing.assert_close(logits.grad, torch.tensor([[1.0, -1.0, 0.0, 0.0]]))


@all_seeds
@pytest.mark.parametrize("n_neighbors", [1, 3])
@pytest.mark.parametrize("entropy_weight", [0.0, 4.0])
def test_the_loss_by_naive_loops(seed: int, n_neighbors: int, entropy_weight: float) -> None:
    student_logits = random_logits(seed, 2, HEADS, IMAGES, CLUSTERS).double()
    views = random_probs(seed + 10, 1 + n_neighbors, HEADS, IMAGES, CLUSTERS).double()
    loss = ScanLoss(entropy_weight=entropy_weight, student_temperature=0.2)
    losses = loss(student_logits, views, 0.3)

    students = (student_logits / 0.2).softmax(dim=-1)
    for head in range(HEADS):
        total = 0.0
        for way in range(2):
            target = views[0, head] if way == 1 else sum(views[1:, head]) / n_neighbors
            for image in range(IMAGES):
                dot = float(students[way, head, image] @ target[image])
                total -= math.log(dot) / IMAGES
            for share in students[way, head].mean(dim=0).tolist():
                total += entropy_weight * share * math.log(share)
        assert float(losses[head]) == pytest.approx(total / 2, rel=1e-6)


@all_seeds
def test_both_ways_count_alike(seed: int) -> None:
    student_logits = random_logits(seed, 2, HEADS, IMAGES, CLUSTERS)
    views = random_probs(seed + 10, 2, HEADS, IMAGES, CLUSTERS)
    losses = ScanLoss()(student_logits, views, 0.0)
    torch.testing.assert_close(ScanLoss()(student_logits.flip(0), views.flip(0), 0.0), losses)
    crossed = ScanLoss()(student_logits.flip(0), views, 0.0)
    assert not torch.allclose(crossed, losses, rtol=1e-3)


@pytest.mark.parametrize("entropy_weight", [0.5, 4.0])
def test_balanced_beats_collapsed_by_the_weighted_entropy(entropy_weight: float) -> None:
    def loss_of(labels: list[int]) -> float:
        logits = F.one_hot(torch.tensor(labels), CLUSTERS).float().expand(2, 1, -1, -1)
        probs = center_teacher(logits, temperature=0.02, iterations=0)
        loss = ScanLoss(entropy_weight=entropy_weight, student_temperature=0.02)
        return float(loss(logits, probs, 0.0))

    assert loss_of([2] * 8) == pytest.approx(0.0, abs=1e-6)
    balanced = loss_of([0, 1, 2, 3] * 2)
    assert balanced == pytest.approx(-entropy_weight * math.log(CLUSTERS), rel=1e-6)


@all_seeds
def test_heads_do_not_meet(seed: int) -> None:
    student_logits = random_logits(seed, 2, HEADS, IMAGES, CLUSTERS)
    views = random_probs(seed + 10, 2, HEADS, IMAGES, CLUSTERS)
    together = ScanLoss()(student_logits, views, 0.0)
    assert together.shape == (HEADS,)
    for head in range(HEADS):
        own = slice(head, head + 1)
        alone = ScanLoss()(student_logits[:, own], views[:, own], 0.0)
        torch.testing.assert_close(alone, together[own])


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("iterations", [0, 3])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(
    seed: int, temperature: float, iterations: int, half: bool
) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    shape = (2, HEADS, IMAGES, CLUSTERS)
    student_logits = (10 * random_logits(seed, *shape)).to(dtype).requires_grad_()
    teacher_logits = (10 * random_logits(seed + 10, *shape)).to(dtype)
    teacher_probs = center_teacher(teacher_logits, temperature=temperature, iterations=iterations)
    losses = ScanLoss(student_temperature=temperature)(student_logits, teacher_probs, 0.5)
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    assert student_logits.grad is not None
    assert student_logits.grad.isfinite().all()


@all_seeds
def test_the_student_is_taken_at_its_own_temperature(seed: int) -> None:
    student_logits = random_logits(seed, 2, HEADS, IMAGES, CLUSTERS)
    views = random_probs(seed + 10, 2, HEADS, IMAGES, CLUSTERS)
    losses = ScanLoss(entropy_weight=0.0, student_temperature=0.05)(student_logits, views, 0.0)
    log_probs = student_log_probs(student_logits, temperature=0.05)
    expected = consistency(log_probs, views.flip(0)).mean(dim=(0, -1))
    torch.testing.assert_close(losses, expected)


@all_seeds
def test_weights_count_in_the_consistency_alone(seed: int) -> None:
    logits, probs = random_logits(seed, 2, 3, 8, 4), random_probs(seed, 3, 3, 8, 4)
    weights = random_logits(seed + 1, 3, 3, 8).abs()
    loss = ScanLoss(entropy_weight=2.0)
    log_probs = (logits / 0.1).log_softmax(dim=-1)
    entropy = torch.special.entr(log_probs.exp().mean(dim=-2)).sum(dim=-1)
    masses = (weights.unsqueeze(-1) * probs)[1:].mean(dim=0)
    share = masses.sum(dim=-1)
    neighbors = -((log_probs[0].exp() * masses).sum(dim=-1) / share).log() * share
    itself = -(log_probs[1].exp() * probs[0]).sum(dim=-1).log() * weights[0]
    expected = torch.stack([neighbors, itself]).mean(dim=-1) - 2.0 * entropy
    found = loss(logits, probs, 0.5, weights=weights)
    torch.testing.assert_close(found, expected.mean(dim=0), atol=1e-4, rtol=1e-4)
    ones = probs.new_ones(probs.shape[:-1])
    torch.testing.assert_close(loss(logits, probs, 0.5, weights=ones), loss(logits, probs, 0.5))
