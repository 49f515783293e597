import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ucls.config import TrainConfig
from ucls.objectives import temi
from ucls.objectives.sinkhorn import sinkhorn_knopp

REFERENCE = json.loads((Path(__file__).parent / "fixtures/temi_reference.json").read_text())
TEMI = TrainConfig(symmetric=True, cross_entropy=0.0, sinkhorn_iterations=0, n_smoothing=1)
HEADS, IMAGES, CLUSTERS = 3, 6, 4

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_logits(seed: int, n_views: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_views, HEADS, IMAGES, CLUSTERS, generator=generator) * 2 - 1


def random_probs(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).softmax(dim=-1)


def new_objective(config: TrainConfig, **changes: object) -> temi.TemiObjective:
    changed = config.model_copy(update=changes)
    return temi.TemiObjective(changed, n_heads=HEADS, n_clusters=CLUSTERS)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: f"beta={case['beta']}")
def test_equals_the_public_temi_code(case: dict[str, Any]) -> None:
    temperatures = ("beta", "teacher_temperature", "student_temperature")
    config = TEMI.model_copy(update={name: case[name] for name in temperatures})
    n_heads, _, n_clusters = torch.tensor(case["steps"][0]["student_logits"]).shape[1:]
    objective = temi.TemiObjective(config, n_heads=n_heads, n_clusters=n_clusters)
    for step in case["steps"]:
        student_logits = torch.tensor(step["student_logits"], requires_grad=True)
        losses = objective(student_logits, torch.tensor(step["teacher_logits"]), 0.5)
        losses.mean().backward()
        for ours, name in (
            (losses, "head_losses"),
            (student_logits.grad, "gradient"),
            (objective.marginal, "marginal"),
        ):
            torch.testing.assert_close(ours, torch.tensor(step[name]), atol=1e-5, rtol=1e-5)


@all_seeds
@pytest.mark.parametrize("beta", [0.3, 0.6, 1.0])
def test_pmi_by_equation_5_5(seed: int, beta: float) -> None:
    student, teacher = (random_probs(seed + i, HEADS, IMAGES, CLUSTERS) for i in (0, 10))
    marginal = random_probs(seed + 20, HEADS, CLUSTERS)
    expected = ((student * teacher) ** beta / marginal[:, None]).sum(dim=-1).log()
    pmi = temi.pointwise_mutual_information(student.log(), teacher, marginal, beta=beta)
    torch.testing.assert_close(pmi, expected)


def test_pmi_of_a_certain_pair_is_minus_the_log_of_its_class_share() -> None:
    one_hot = F.one_hot(torch.tensor([[2, 0]]), CLUSTERS).float()
    marginal = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    pmi = temi.pointwise_mutual_information(one_hot.clamp_min(1e-30).log(), one_hot, marginal)
    torch.testing.assert_close(pmi, -torch.tensor([[0.3, 0.1]]).log())


@all_seeds
def test_pmi_at_a_small_beta_counts_no_class_that_the_teacher_rules_out(seed: int) -> None:
    student = random_probs(seed, HEADS, IMAGES, CLUSTERS)
    one_hot = F.one_hot(torch.arange(IMAGES) % CLUSTERS, CLUSTERS).float().expand(HEADS, -1, -1)
    marginal = torch.full((HEADS, CLUSTERS), 0.25)
    expected = 0.05 * (student * one_hot).sum(dim=-1).log() - math.log(0.25)
    pmi = temi.pointwise_mutual_information(student.log(), one_hot, marginal, beta=0.05)
    torch.testing.assert_close(pmi, expected)


def test_pmi_and_its_gradient_stay_finite_for_a_pair_that_disagrees() -> None:
    logits = torch.tensor([[[200.0, 0.0, 0.0, 0.0]]], requires_grad=True)
    teacher = F.one_hot(torch.tensor([[1]]), CLUSTERS).float()
    marginal = torch.full((1, CLUSTERS), 0.25)
    temi.pointwise_mutual_information(
        logits.log_softmax(dim=-1), teacher, marginal, beta=0.6
    ).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert float(logits.grad[0, 0, 1]) > 0.0


@all_seeds
def test_agreement_weights_by_equations_5_7_and_5_8(seed: int) -> None:
    probs, neighbor_probs = (random_probs(seed + i, HEADS, IMAGES, CLUSTERS) for i in (0, 10))
    weights = temi.agreement_weights(probs, neighbor_probs)
    for image in range(IMAGES):
        per_head = [float(probs[h, image] @ neighbor_probs[h, image]) for h in range(HEADS)]
        assert float(weights[image]) == pytest.approx(sum(per_head) / HEADS, rel=1e-5)


@all_seeds
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_marginal_by_equation_5_4_over_all_views(seed: int, momentum: float) -> None:
    views = random_probs(seed, 3, HEADS, IMAGES, CLUSTERS)
    marginal = random_probs(seed + 10, HEADS, CLUSTERS)
    updated = temi.update_marginal(marginal, views, momentum=momentum)
    batch_mean = torch.stack([views[:, h].flatten(0, 1).mean(dim=0) for h in range(HEADS)])
    torch.testing.assert_close(updated, momentum * marginal + (1 - momentum) * batch_mean)
    torch.testing.assert_close(
        temi.update_marginal(marginal, views[0], momentum=momentum),
        momentum * marginal + (1 - momentum) * views[0].mean(dim=1),
    )


@all_seeds
def test_cross_entropy_equals_torch_on_the_teachers_argmax(seed: int) -> None:
    logits = random_logits(seed, 1)[0]
    teacher = random_probs(seed + 10, HEADS, IMAGES, CLUSTERS)
    ours = temi.cross_entropy_to_teacher(logits.log_softmax(dim=-1), teacher)
    for head in range(HEADS):
        expected = F.cross_entropy(logits[head], teacher[head].argmax(dim=-1), reduction="none")
        torch.testing.assert_close(ours[head], expected)


@all_seeds
@pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
def test_the_loss_of_ucls_by_its_equations(seed: int, progress: float) -> None:
    config = TrainConfig(n_smoothing=2, cross_entropy=0.5, beta=0.6, teacher_temperature=0.07)
    objective = new_objective(config)
    student_logits, teacher_logits = random_logits(seed, 1), random_logits(seed + 10, 3)
    losses = objective(student_logits, teacher_logits, progress)

    weight = 0.5 * 0.5 * (1 - math.cos(math.pi * progress))
    student = (student_logits[0] / 0.1).softmax(dim=-1)
    views = torch.stack([sinkhorn_knopp(view, temperature=0.07) for view in teacher_logits])
    target = (views[1] + views[2]) / 2
    marginal = 0.9 / CLUSTERS + 0.1 * views.mean(dim=(0, 2))
    pmi = ((student * target) ** 0.6 / marginal[:, None]).sum(dim=-1).log()
    labels = target.argmax(dim=-1, keepdim=True)
    loss = -pmi - weight * student.log().gather(-1, labels)[..., 0]
    pair_weights = (views[0] * target).sum(dim=-1).mean(dim=0)
    torch.testing.assert_close(losses, (pair_weights * loss).mean(dim=-1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(objective.marginal, marginal)


@all_seeds
@pytest.mark.parametrize(
    "changes",
    [
        {"instance_weights": False},
        {"sinkhorn_iterations": 0},
        {"sinkhorn_iterations": 1},
        {"cross_entropy": 0.0},
        {"symmetric": True},
        {"beta": 0.5},
        {"teacher_temperature": 0.05},
        {"student_temperature": 0.2},
        {"marginal_momentum": 0.5},
    ],
    ids=str,
)
def test_every_switch_changes_the_loss(seed: int, changes: dict[str, object]) -> None:
    config = TrainConfig(n_smoothing=1)
    student_logits, teacher_logits = random_logits(seed, 2), random_logits(seed + 10, 2)
    usual = new_objective(config)(student_logits, teacher_logits, 0.5)
    switched = new_objective(config, **changes)(student_logits, teacher_logits, 0.5)
    assert not torch.allclose(usual, switched, rtol=1e-4)


def test_the_views_it_asks_for() -> None:
    asked = {
        (symmetric, m): new_objective(TEMI, symmetric=symmetric, n_smoothing=m)
        for symmetric in (False, True)
        for m in (1, 4)
    }
    assert {key: objective.n_student_views for key, objective in asked.items()} == {
        (False, 1): 1, (False, 4): 1, (True, 1): 2, (True, 4): 2,
    }  # fmt: skip
    assert {key: objective.n_neighbors for key, objective in asked.items()} == {
        (False, 1): 1, (False, 4): 4, (True, 1): 1, (True, 4): 4,
    }  # fmt: skip


@all_seeds
def test_no_gradient_reaches_the_teacher(seed: int) -> None:
    teacher_logits = random_logits(seed + 10, 2).requires_grad_()
    student_logits = random_logits(seed, 2).requires_grad_()
    new_objective(TEMI)(student_logits, teacher_logits, 0.5).sum().backward()
    assert teacher_logits.grad is None
    assert student_logits.grad is not None


@all_seeds
def test_heads_meet_only_in_the_pair_weights(seed: int) -> None:
    student_logits, teacher_logits = random_logits(seed, 1), random_logits(seed + 10, 2)
    config = TrainConfig(n_smoothing=1, instance_weights=False)
    together = new_objective(config)(student_logits, teacher_logits, 0.5)
    for head in range(HEADS):
        alone = temi.TemiObjective(config, n_heads=1, n_clusters=CLUSTERS)
        own = slice(head, head + 1)
        torch.testing.assert_close(
            alone(student_logits[:, own], teacher_logits[:, own], 0.5), together[own]
        )


def test_the_marginal_is_saved_with_the_objective() -> None:
    objective = new_objective(TEMI)
    torch.testing.assert_close(objective.marginal, torch.full((HEADS, CLUSTERS), 1 / CLUSTERS))
    objective(random_logits(0, 2), random_logits(1, 2), 0.5)
    other = new_objective(TEMI)
    other.load_state_dict(objective.state_dict())
    assert torch.equal(other.marginal, objective.marginal)
