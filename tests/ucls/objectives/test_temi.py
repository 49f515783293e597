import json
import math
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ucls.objectives import temi
from ucls.objectives.student_teacher import center_teacher
from ucls.objectives.temi import TemiLoss

REFERENCE = json.loads((Path(__file__).parent / "fixtures/temi_reference.json").read_text())
TEMI: dict[str, Any] = {"symmetric": True, "cross_entropy": 0.0}
HEADS, IMAGES, CLUSTERS = 3, 6, 4

all_seeds = pytest.mark.parametrize("seed", range(3))


def random_logits(seed: int, n_views: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_views, HEADS, IMAGES, CLUSTERS, generator=generator) * 2 - 1


def random_probs(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).softmax(dim=-1)


def new_loss(**options: Any) -> TemiLoss:
    return TemiLoss(HEADS, CLUSTERS, **options)


def centered(seed: int, n_views: int, **options: Any) -> torch.Tensor:
    return center_teacher(random_logits(seed + 10, n_views), **{"temperature": 0.1} | options)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: f"beta={case['beta']}")
def test_equals_the_public_temi_code(case: dict[str, Any]) -> None:
    n_heads, _, n_clusters = torch.tensor(case["steps"][0]["student_logits"]).shape[1:]
    temperature, beta = case["student_temperature"], case["beta"]
    loss = TemiLoss(n_heads, n_clusters, beta=beta, student_temperature=temperature, **TEMI)
    loss.double()
    for step in case["steps"]:
        numbers = {name: torch.tensor(step[name], dtype=torch.float64) for name in step}
        student_logits = numbers["student_logits"].requires_grad_()
        teacher_probs = center_teacher(
            numbers["teacher_logits"], temperature=case["teacher_temperature"], iterations=0
        )
        losses = loss(student_logits, teacher_probs, 0.5)
        losses.mean().backward()
        for ours, name in (
            (losses, "head_losses"),
            (student_logits.grad, "gradient"),
            (loss.marginal, "marginal"),
        ):
            torch.testing.assert_close(ours, numbers[name], atol=1e-7, rtol=1e-7)


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
    loss = new_loss(cross_entropy=0.5, beta=0.6)
    student_logits, views = random_logits(seed, 1), centered(seed, 3, temperature=0.07)
    losses = loss(student_logits, views, progress)

    weight = 0.5 * 0.5 * (1 - math.cos(math.pi * progress))
    student = (student_logits[0] / 0.1).softmax(dim=-1)
    target = (views[1] + views[2]) / 2
    marginal = 0.9 / CLUSTERS + 0.1 * views.mean(dim=(0, 2))
    pmi = ((student * target) ** 0.6 / marginal[:, None]).sum(dim=-1).log()
    labels = target.argmax(dim=-1, keepdim=True)
    one_way = -pmi - weight * student.log().gather(-1, labels)[..., 0]
    pair_weights = (views[0] * target).sum(dim=-1).mean(dim=0)
    torch.testing.assert_close(losses, (pair_weights * one_way).mean(dim=-1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(loss.marginal, marginal)


def one_way_loss(
    student: list[float],
    teacher: list[float],
    marginal: list[float],
    *,
    beta: float,
    weight: float,
) -> float:
    """Eq. 5.12 for one pair, one class after the other."""
    shares = zip(student, teacher, marginal, strict=True)
    pmi = math.log(sum((s * t) ** beta / q for s, t, q in shares))
    label = max(range(len(teacher)), key=teacher.__getitem__)
    return -pmi - weight * math.log(student[label])


@all_seeds
@pytest.mark.parametrize("iterations", [0, 3])
@pytest.mark.parametrize("n_neighbors", [1, 3])
@pytest.mark.parametrize("switches", list(product((False, True), repeat=3)))
def test_any_mix_of_the_thesis_switches_by_naive_loops(
    seed: int, iterations: int, n_neighbors: int, switches: tuple[bool, bool, bool]
) -> None:
    symmetric, instance_weights, cross_entropy = switches[0], switches[1], 0.5 * switches[2]
    loss = new_loss(
        symmetric=symmetric, cross_entropy=cross_entropy, instance_weights=instance_weights
    ).double()
    student_logits = random_logits(seed, 1 + symmetric).double()
    views = centered(seed, 1 + n_neighbors, iterations=iterations).double()
    losses = loss(student_logits, views, 0.7)

    students = (student_logits / 0.1).softmax(dim=-1).tolist()
    targets = [views[0].tolist(), views[1:].mean(dim=0).tolist()]
    marginals = [
        [
            0.9 / CLUSTERS + 0.1 * float(views[:, head, :, c].sum()) / (len(views) * IMAGES)
            for c in range(CLUSTERS)
        ]
        for head in range(HEADS)
    ]
    schedule = cross_entropy * 0.5 * (1 - math.cos(0.7 * math.pi))
    for head in range(HEADS):
        total = 0.0
        for image in range(IMAGES):
            ways = [
                one_way_loss(
                    students[way][head][image],
                    targets[1 - way][head][image],
                    marginals[head],
                    beta=0.6,
                    weight=schedule,
                )
                for way in range(1 + symmetric)
            ]
            agreement = sum(
                targets[0][h][image][c] * targets[1][h][image][c]
                for h in range(HEADS)
                for c in range(CLUSTERS)
            )
            total += (agreement / HEADS if instance_weights else 1.0) * sum(ways) / len(ways)
        assert float(losses[head]) == pytest.approx(total / IMAGES, rel=1e-6)


@all_seeds
@pytest.mark.parametrize(
    "changes",
    [
        {"instance_weights": False},
        {"cross_entropy": 0.0},
        {"symmetric": True},
        {"beta": 0.5},
        {"student_temperature": 0.2},
        {"marginal_momentum": 0.5},
    ],
    ids=str,
)
def test_every_switch_changes_the_loss(seed: int, changes: dict[str, Any]) -> None:
    student_logits, teacher_probs = random_logits(seed, 2), centered(seed, 2)
    usual = new_loss()(student_logits, teacher_probs, 0.5)
    switched = new_loss(**changes)(student_logits, teacher_probs, 0.5)
    assert not torch.allclose(usual, switched, rtol=1e-4)


@all_seeds
@pytest.mark.parametrize(
    "changes", [{"iterations": 0}, {"iterations": 1}, {"temperature": 0.05}], ids=str
)
def test_every_way_to_center_the_teacher_changes_the_loss(
    seed: int, changes: dict[str, Any]
) -> None:
    student_logits = random_logits(seed, 1)
    usual = new_loss()(student_logits, centered(seed, 2), 0.5)
    switched = new_loss()(student_logits, centered(seed, 2, **changes), 0.5)
    assert not torch.allclose(usual, switched, rtol=1e-4)


@all_seeds
def test_the_cross_entropy_grows_from_nothing(seed: int) -> None:
    student_logits, teacher_probs = random_logits(seed, 1), centered(seed, 2)
    without = new_loss(cross_entropy=0.0)(student_logits, teacher_probs, 0.0)
    losses = [new_loss()(student_logits, teacher_probs, step / 4) for step in range(5)]
    torch.testing.assert_close(losses[0], without)
    for earlier, later in pairwise(losses):
        assert (later > earlier).all()


@all_seeds
def test_only_a_mean_of_neighbors_counts(seed: int) -> None:
    student_logits, views = random_logits(seed, 1), centered(seed, 4)
    options: dict[str, Any] = {"marginal_momentum": 0.0}
    losses = new_loss(**options)(student_logits, views, 0.5)
    shuffled = new_loss(**options)(student_logits, views[[0, 3, 1, 2]], 0.5)
    torch.testing.assert_close(shuffled, losses)
    swapped = new_loss(**options)(student_logits, views[[1, 0, 2, 3]], 0.5)
    assert not torch.allclose(swapped, losses, rtol=1e-4)


@all_seeds
def test_the_two_way_loss_is_the_mean_of_both_ways(seed: int) -> None:
    student_logits, views = random_logits(seed, 2), centered(seed, 2)
    forth = new_loss()(student_logits[:1], views, 0.5)
    back = new_loss()(student_logits[1:], views.flip(0), 0.5)
    both = new_loss(symmetric=True)(student_logits, views, 0.5)
    torch.testing.assert_close(both, (forth + back) / 2)


@all_seeds
def test_heads_meet_only_in_the_pair_weights(seed: int) -> None:
    student_logits, teacher_probs = random_logits(seed, 1), centered(seed, 2)
    together = new_loss(instance_weights=False)(student_logits, teacher_probs, 0.5)
    for head in range(HEADS):
        alone = TemiLoss(1, CLUSTERS, instance_weights=False)
        own = slice(head, head + 1)
        torch.testing.assert_close(
            alone(student_logits[:, own], teacher_probs[:, own], 0.5), together[own]
        )


def test_the_marginal_is_saved_with_the_loss() -> None:
    loss = new_loss(**TEMI)
    torch.testing.assert_close(loss.marginal, torch.full((HEADS, CLUSTERS), 1 / CLUSTERS))
    loss(random_logits(0, 2), centered(1, 2), 0.5)
    other = new_loss(**TEMI)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.marginal, loss.marginal)
    assert not torch.allclose(loss.marginal, torch.full((HEADS, CLUSTERS), 1 / CLUSTERS))


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("iterations", [0, 3])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(
    seed: int, temperature: float, iterations: int, half: bool
) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    student_logits = (10 * random_logits(seed, 2)).to(dtype).requires_grad_()
    teacher_logits = (10 * random_logits(seed + 10, 3)).to(dtype)
    teacher_probs = center_teacher(teacher_logits, temperature=temperature, iterations=iterations)
    loss = new_loss(symmetric=True, student_temperature=temperature)
    losses = loss(student_logits, teacher_probs, 0.5)
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    assert student_logits.grad is not None
    assert student_logits.grad.isfinite().all()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_cluster_that_the_teacher_gave_up_leaves_the_loss_finite(momentum: float) -> None:
    teacher_logits = random_logits(10, 2)
    teacher_logits[..., 1] -= 3.0
    teacher_probs = center_teacher(teacher_logits, temperature=0.02, iterations=0)
    assert (teacher_probs[..., 1] == 0.0).all()
    student_logits = random_logits(0, 1).requires_grad_()
    loss = new_loss(marginal_momentum=momentum)
    for _ in range(1100):
        loss.marginal = temi.update_marginal(loss.marginal, teacher_probs, momentum=momentum)
    losses = loss(student_logits, teacher_probs, 0.5)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert student_logits.grad is not None
    assert student_logits.grad.isfinite().all()


@all_seeds
@pytest.mark.parametrize("symmetric", [False, True])
def test_weights_count_in_every_term_of_each_way(seed: int, symmetric: bool) -> None:
    """The loss of each image on its own, weighted, with what the batch shares held fixed."""
    options: dict[str, Any] = {
        "symmetric": symmetric, "instance_weights": False, "marginal_momentum": 1.0,
    }  # fmt: skip
    student_logits, probs = random_logits(seed, 2), centered(seed, 3)
    weights = random_probs(seed, *probs.shape[:-1])
    total = torch.zeros(HEADS)
    for i in range(probs.shape[-2]):
        masses = (weights[..., i, None] * probs[..., i, :])[1:].mean(dim=0)
        mean = masses / masses.sum(dim=-1, keepdim=True)
        for view, target, weight in (
            (0, mean, masses.sum(dim=-1)), (1, probs[0, :, i], weights[0, :, i]),
        )[: 1 + symmetric]:  # fmt: skip
            logits = student_logits[view, :, i, None]
            pair = torch.stack([target, target]).unsqueeze(2)
            alone = new_loss(**{**options, "symmetric": False})(logits[None], pair, 0.5)
            total += weight * alone / (1 + symmetric)
    loss = new_loss(**options)(student_logits, probs, 0.5, weights=weights)
    torch.testing.assert_close(loss, total / probs.shape[-2], atol=1e-5, rtol=1e-4)


@all_seeds
def test_equal_weights_are_none(seed: int) -> None:
    student_logits, probs = random_logits(seed, 2), centered(seed, 3)
    plain = new_loss()(student_logits, probs, 0.5)
    ones = probs.new_ones(probs.shape[:-1])
    torch.testing.assert_close(new_loss()(student_logits, probs, 0.5, weights=ones), plain)


def test_a_row_without_weight_leaves_the_gradient_finite() -> None:
    student_logits, probs = random_logits(0, 2).requires_grad_(), centered(0, 3)
    weights = probs.new_ones(probs.shape[:-1])
    weights[:, :, 0] = 0.0
    new_loss()(student_logits, probs, 0.5, weights=weights).sum().backward()
    assert student_logits.grad is not None
    assert student_logits.grad.isfinite().all()
    assert (student_logits.grad[:, :, 0] == 0.0).all()
