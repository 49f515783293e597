from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from ucls.heads.layers import by_size
from ucls.heads.mlp import MlpHeads
from ucls.objectives.partial_transport import PartialTransport
from ucls.objectives.protocol import Batch, Epoch
from ucls.objectives.scan import ScanLoss
from ucls.objectives.sinkhorn import sinkhorn_knopp
from ucls.objectives.student_teacher import (
    StudentTeacher,
    both_ways,
    center_teacher,
    student_log_probs,
)
from ucls.objectives.temi import TemiLoss

HEADS, IMAGES, FEATURES, SIZES = 3, 6, 5, (4, 7)

all_seeds = pytest.mark.parametrize("seed", range(3))
all_temperatures = pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])


class Recorder(nn.Module):
    """A loss that keeps what it is given, and is a number of its own plus the mean logit."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number
        self.given: tuple[torch.Tensor, torch.Tensor, float] | None = None

    def forward(
        self,
        student_logits: torch.Tensor,
        teacher_probs: torch.Tensor,
        progress: float,
        *,
        weights: torch.Tensor | None,
    ) -> torch.Tensor:
        self.given = student_logits, teacher_probs, progress
        self.weights = weights
        return self.number + student_logits.mean(dim=(0, 2, 3))

    def received(self) -> tuple[torch.Tensor, torch.Tensor, float]:
        assert self.given is not None
        return self.given


def new_heads(seed: int, sizes: Sequence[int] = SIZES) -> MlpHeads:
    generator = torch.Generator().manual_seed(seed)
    heads = MlpHeads(HEADS, FEATURES, sizes, hidden_dim=8, bottleneck_dim=4, generator=generator)
    shake(heads, generator)
    return heads


@torch.no_grad()
def shake(module: nn.Module, generator: torch.Generator) -> None:
    for parameter in module.parameters():
        parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))


def new_objective(
    seed: int, losses: Sequence[nn.Module] = (), sizes: Sequence[int] = SIZES, **changes: Any
) -> StudentTeacher:
    options = {"n_partners": 2, "n_student_views": 1, "momentum": 0.75} | changes
    return StudentTeacher(
        new_heads(seed, sizes), losses or [Recorder(10.0 * i) for i in range(len(sizes))], **options
    )


def transports(temperature: float = 0.1) -> list[PartialTransport]:
    return [PartialTransport(HEADS, size, temperature=temperature) for size in SIZES]


def new_batch(seed: int, n_views: int = 3, n_images: int = IMAGES) -> Batch:
    generator = torch.Generator().manual_seed(seed + 100)
    views = torch.randn(n_views, n_images, FEATURES, generator=generator)
    return Batch(torch.arange(n_images), views, 0.5, generator)


def drift_apart(objective: StudentTeacher, seed: int) -> None:
    shake(objective.student, torch.Generator().manual_seed(seed + 200))


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator) * 2 - 1


@all_seeds
def test_a_teacher_that_is_not_centered_is_a_softmax(seed: int) -> None:
    logits = random_logits(seed, 2, HEADS, IMAGES, 4)
    probs = center_teacher(logits, temperature=0.1, iterations=0)
    assert torch.equal(probs, (logits / 0.1).softmax(dim=-1))


@all_seeds
@pytest.mark.parametrize("iterations", [1, 3])
def test_a_centered_teacher_is_sinkhorns_of_each_view_and_head(seed: int, iterations: int) -> None:
    logits = random_logits(seed, 2, HEADS, IMAGES, 4)
    probs = center_teacher(logits, temperature=0.07, iterations=iterations)
    for view in range(2):
        for head in range(HEADS):
            alone = sinkhorn_knopp(logits[view, head], temperature=0.07, iterations=iterations)
            torch.testing.assert_close(probs[view, head], alone)


@all_seeds
def test_the_teacher_is_fully_centered_by_default(seed: int) -> None:
    logits = random_logits(seed, HEADS, 60, 4)
    balanced = center_teacher(logits, temperature=0.2, iterations=200).sum(dim=1)
    torch.testing.assert_close(balanced, torch.full((HEADS, 4), 15.0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("iterations", [0, 3])
def test_probabilities_are_float32_or_finer(iterations: int) -> None:
    logits = random_logits(0, HEADS, IMAGES, 4)
    for dtype, expected in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        rounded = logits.to(dtype)
        probs = center_teacher(rounded, temperature=0.1, iterations=iterations)
        assert probs.dtype == expected
        again = center_teacher(rounded.to(expected), temperature=0.1, iterations=iterations)
        assert torch.equal(probs, again)
        log_probs = student_log_probs(rounded, temperature=0.1)
        assert log_probs.dtype == expected
        assert torch.equal(log_probs, student_log_probs(rounded.to(expected), temperature=0.1))


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0])
def test_the_student_by_equation_5_2(seed: int, temperature: float) -> None:
    logits = random_logits(seed, HEADS, IMAGES, 4).double()
    exponentials = (logits / temperature).exp()
    expected = (exponentials / exponentials.sum(dim=-1, keepdim=True)).log()
    log_probs = student_log_probs(logits, temperature=temperature)
    torch.testing.assert_close(log_probs, expected, atol=1e-10, rtol=0)


@all_seeds
@all_temperatures
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(seed: int, temperature: float, half: bool) -> None:
    logits = 10 * random_logits(seed, HEADS, IMAGES, 4)
    logits = (logits.bfloat16() if half else logits).requires_grad_()
    student_log_probs(logits, temperature=temperature).mean().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    for iterations in (0, 3):
        probs = center_teacher(logits.detach(), temperature=temperature, iterations=iterations)
        assert probs.isfinite().all()
        torch.testing.assert_close(probs.sum(dim=-1), torch.ones(HEADS, IMAGES))


@all_seeds
def test_the_teacher_starts_as_the_student_and_holds_tensors_of_its_own(seed: int) -> None:
    objective = new_objective(seed)
    pairs = zip(objective.student.parameters(), objective.teacher.parameters(), strict=True)
    for student, teacher in pairs:
        assert torch.equal(student, teacher)
        assert student.data_ptr() != teacher.data_ptr()
        assert student.requires_grad
        assert not teacher.requires_grad
    assert objective.heads is objective.teacher


@all_seeds
@pytest.mark.parametrize("momentum", [0.0, 0.75, 0.99])
def test_the_teacher_is_the_moving_average_of_the_student(seed: int, momentum: float) -> None:
    objective = new_objective(seed, momentum=momentum)
    expected = [parameter.detach().clone() for parameter in objective.teacher.parameters()]
    for step in range(3):
        drift_apart(objective, seed + step)
        students = list(objective.student.parameters())
        before = [parameter.detach().clone() for parameter in students]
        expected = [
            momentum * own + (1 - momentum) * student.detach()
            for own, student in zip(expected, students, strict=True)
        ]
        objective.after_step()
        for teacher, own in zip(objective.teacher.parameters(), expected, strict=True):
            torch.testing.assert_close(teacher.detach(), own, atol=1e-6, rtol=1e-5)
        for student, old in zip(students, before, strict=True):
            assert torch.equal(student, old)


@all_seeds
def test_a_loss_moves_neither_network(seed: int) -> None:
    objective = new_objective(seed)
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    objective(new_batch(seed)).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items())


@all_seeds
@pytest.mark.parametrize("symmetric", [False, True])
def test_no_gradient_reaches_the_teacher(seed: int, symmetric: bool) -> None:
    losses = [TemiLoss(HEADS, size, symmetric=symmetric) for size in SIZES]
    objective = new_objective(seed, losses, n_student_views=1 + symmetric)
    drift_apart(objective, seed)
    objective(new_batch(seed)).sum().backward()
    assert all(parameter.grad is None for parameter in objective.teacher.parameters())
    for parameter in objective.student.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


@all_seeds
@pytest.mark.parametrize("n_student_views", [1, 2])
@pytest.mark.parametrize("n_partners", [1, 3])
def test_each_loss_sees_the_views_of_its_own_classifiers(
    seed: int, n_student_views: int, n_partners: int
) -> None:
    objective = new_objective(
        seed,
        n_student_views=n_student_views,
        n_partners=n_partners,
        temperature=0.3,
        sinkhorn_iterations=2,
    )
    drift_apart(objective, seed)
    batch = new_batch(seed, n_views=1 + n_partners)
    objective(batch)
    for index, (loss, size) in enumerate(zip(objective.losses, SIZES, strict=True)):
        assert isinstance(loss, Recorder)
        student_logits, teacher_probs, progress = loss.received()
        assert student_logits.shape == (n_student_views, HEADS, IMAGES, size)
        assert teacher_probs.shape == (1 + n_partners, HEADS, IMAGES, size)
        assert progress == 0.5
        assert loss.weights is None
        for view, features in enumerate(batch.views):
            own = by_size(objective.teacher(features), SIZES)[index]
            centered = sinkhorn_knopp(own, temperature=0.3, iterations=2)
            torch.testing.assert_close(teacher_probs[view], centered)
        for view in range(n_student_views):
            own = by_size(objective.student(batch.views[view]), SIZES)[index]
            torch.testing.assert_close(student_logits[view], own)


@all_seeds
def test_transports_take_the_place_of_the_centering(seed: int) -> None:
    objective = new_objective(seed, transports=transports())
    drift_apart(objective, seed)
    batch = new_batch(seed)
    objective(batch)
    for index, (loss, alone) in enumerate(zip(objective.losses, transports(), strict=True)):
        assert isinstance(loss, Recorder)
        views = [by_size(objective.teacher(view), SIZES)[index] for view in batch.views]
        probs, weights = alone(torch.stack(views, dim=1), 0.5)
        assert loss.weights is not None
        torch.testing.assert_close(loss.received()[1], probs.transpose(0, 1))
        torch.testing.assert_close(loss.weights, weights.transpose(0, 1))


@all_seeds
def test_the_targets_of_both_ways(seed: int) -> None:
    probs = random_logits(seed, 4, HEADS, IMAGES, 5).softmax(dim=-1)
    weights = random_logits(seed + 1, 4, HEADS, IMAGES).abs()
    weights[1:, 0, 0] = 0.0
    of_image, of_partner = both_ways(probs, weights)
    assert torch.equal(of_partner.probs, probs[0])
    assert torch.equal(of_partner.weights, weights[0])
    torch.testing.assert_close(of_image.weights, weights[1:].mean(dim=0))
    masses = (probs * weights.unsqueeze(-1))[1:].mean(dim=0)
    torch.testing.assert_close(of_image.probs * of_image.weights.unsqueeze(-1), masses)
    # Without any weight it is the plain mean.
    torch.testing.assert_close(of_image.probs[0, 0], probs[1:, 0, 0].mean(dim=0))


@all_seeds
@pytest.mark.parametrize("n_partners", [1, 3])
def test_targets_of_equal_weights_are_those_without_any(seed: int, n_partners: int) -> None:
    probs = random_logits(seed, 1 + n_partners, HEADS, IMAGES, 5).softmax(dim=-1)
    for plain, weighted in zip(
        both_ways(probs), both_ways(probs, probs.new_ones(probs.shape[:-1])), strict=True
    ):
        torch.testing.assert_close(plain.probs, weighted.probs)
        assert torch.equal(plain.weights, weighted.weights)


@all_seeds
def test_losses_of_all_sizes_follow_each_other(seed: int) -> None:
    objective = new_objective(seed)
    drift_apart(objective, seed)
    batch = new_batch(seed)
    losses = objective(batch)
    parts = by_size(objective.student(batch.views[0]), SIZES)
    means = [part.mean(dim=(1, 2)) for part in parts]
    torch.testing.assert_close(losses, torch.cat([means[0], 10.0 + means[1]]))


@all_seeds
def test_losses_of_two_sizes_equal_those_of_each_alone(seed: int) -> None:
    def losses_of(sizes: Sequence[int], keep: slice) -> torch.Tensor:
        objective = new_objective(seed, [TemiLoss(HEADS, size) for size in sizes], sizes)
        for module in (objective.student, objective.teacher):
            assert isinstance(module, MlpHeads)
            for name, value in both.state_dict().items():
                part = value[..., keep] if name in ("direction", "scale") else value
                module.get_parameter(name).data.copy_(part)
        return objective(new_batch(seed))

    both = new_heads(seed)
    together = losses_of(SIZES, slice(None))
    first, second = losses_of(SIZES[:1], slice(0, 4)), losses_of(SIZES[1:], slice(4, 11))
    torch.testing.assert_close(together, torch.cat([first, second]))


@all_seeds
def test_what_is_trained_is_all_of_the_student(seed: int) -> None:
    objective = new_objective(seed)
    trained = [*objective.weights(), *objective.biases()]
    expected = {id(parameter) for parameter in objective.student.parameters()}
    assert {id(parameter) for parameter in trained} == expected
    assert len(trained) == len(expected)
    assert all(parameter.requires_grad for parameter in trained)
    names = {id(parameter): name for name, parameter in objective.student.named_parameters()}
    assert all("bias" in names[id(parameter)] for parameter in objective.biases())
    assert not any("bias" in names[id(parameter)] for parameter in objective.weights())


@all_seeds
def test_an_epoch_shows_each_image_once(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    epoch = Epoch(50, 0.0, generator, lambda: pytest.fail("nothing is to be predicted"))
    order = new_objective(seed).start_epoch(epoch)
    assert sorted(order.tolist()) == list(range(50))
    assert order.tolist() != list(range(50))


@all_seeds
@pytest.mark.parametrize("soft", [False, True])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(seed: int, soft: bool) -> None:
    def new() -> StudentTeacher:
        losses = [TemiLoss(HEADS, size) for size in SIZES]
        return new_objective(seed, losses, transports=transports() if soft else ())

    objective, other = new(), new()
    drift_apart(objective, seed)
    objective.after_step()
    objective(new_batch(seed))
    other.load_state_dict(objective.state_dict())
    torch.testing.assert_close(other(new_batch(seed + 1)), objective(new_batch(seed + 1)))
    untouched = new()(new_batch(seed + 1))
    assert not torch.allclose(untouched, objective(new_batch(seed + 1)))


@all_seeds
@all_temperatures
@pytest.mark.parametrize("prior", ["none", "soft", "uniform"])
def test_a_step_in_bfloat16_stays_finite(seed: int, temperature: float, prior: str) -> None:
    for loss in (TemiLoss, ScanLoss):
        sizes = (HEADS, 4) if loss is TemiLoss else ()
        objective = new_objective(
            seed,
            [loss(*sizes, student_temperature=temperature)],
            SIZES[:1],
            n_student_views=2,
            temperature=temperature,
            sinkhorn_iterations=0 if prior == "none" else 3,
            transports=transports(temperature)[:1] if prior == "soft" else (),
            dtype=torch.bfloat16,
        )
        with torch.no_grad():
            objective.student.get_parameter("scale").mul_(10)
            objective.teacher.get_parameter("scale").mul_(10)
        losses = objective(new_batch(seed))
        assert losses.dtype == torch.float32
        assert losses.isfinite().all()
        losses.sum().backward()
        for parameter in objective.student.parameters():
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()
