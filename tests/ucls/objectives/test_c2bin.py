import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import by_size
from ucls.heads.mlp import MlpHeads
from ucls.objectives.c2bin import (
    C2Bin,
    Perceptrons,
    alignment_loss,
    assignment_contrast,
    cluster_loss,
    mass_entropy,
)
from ucls.objectives.protocol import Batch, Epoch

HEADS, IMAGES, CLUSTERS, WIDTH, FEATURES, SIZES = 3, 12, 4, 6, 5, (4, 7)

all_seeds = pytest.mark.parametrize("seed", range(3))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_vectors(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def random_memberships(
    seed: int, n_images: int = IMAGES, n_clusters: int = CLUSTERS
) -> torch.Tensor:
    return random_vectors(seed, HEADS, n_images, n_clusters).double().softmax(dim=-1)


def one_hot(labels: list[int], n_clusters: int = CLUSTERS) -> torch.Tensor:
    """Memberships [1, B, K] that leave no doubt."""
    return F.one_hot(torch.tensor([labels]), n_clusters).double()


@torch.no_grad()
def shake(module: nn.Module, seed: int) -> None:
    generator = seeded(seed)
    for parameter in module.parameters():
        parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))


def new_objective(seed: int, sizes: Sequence[int] = SIZES, **options: Any) -> C2Bin:
    heads = MlpHeads(
        HEADS, FEATURES, sizes, hidden_dim=8, bottleneck_dim=WIDTH, generator=seeded(seed)
    )
    objective = C2Bin(heads, generator=seeded(seed + 1), **options)
    for i, module in enumerate((heads, objective.projector, objective.predictor)):
        shake(module, seed + i)
    return objective


def new_batch(seed: int, n_images: int = IMAGES) -> Batch:
    views = random_vectors(seed + 70, 2, n_images, FEATURES)
    return Batch(torch.arange(n_images), views, 0.5, seeded(seed))


@all_seeds
def test_alignment_is_the_cosine_distance_of_equation_1(seed: int) -> None:
    prediction, target = (random_vectors(seed + i, HEADS, IMAGES, WIDTH) for i in (0, 10))
    losses = alignment_loss(prediction, target)
    for head in range(HEADS):
        cosines = [
            float(p @ t / (p.norm() * t.norm()))
            for p, t in zip(prediction[head], target[head], strict=True)
        ]
        assert float(losses[head]) == pytest.approx(1 - sum(cosines) / IMAGES, rel=1e-5)
    unit = [F.normalize(vectors, dim=-1) for vectors in (prediction, target)]
    squares = (unit[0] - unit[1]).square().sum(dim=-1).mean(dim=-1)
    torch.testing.assert_close(2 * losses, squares)


@all_seeds
def test_alignment_lies_between_0_and_2_whatever_the_lengths(seed: int) -> None:
    vectors = random_vectors(seed, HEADS, IMAGES, WIDTH)
    nothing = torch.zeros(HEADS)
    torch.testing.assert_close(alignment_loss(7 * vectors, vectors), nothing, atol=1e-6, rtol=0)
    torch.testing.assert_close(alignment_loss(vectors, -0.1 * vectors), nothing + 2)


@all_seeds
def test_alignment_moves_the_prediction_only(seed: int) -> None:
    prediction, target = (
        random_vectors(seed + i, HEADS, IMAGES, WIDTH).requires_grad_() for i in (0, 10)
    )
    alignment_loss(prediction, target).sum().backward()
    assert target.grad is None
    assert prediction.grad is not None
    assert prediction.grad.abs().sum() > 0


def naive_contrast(one: torch.Tensor, other: torch.Tensor, temperature: float) -> float:
    """Eq. 4 for one head: [B, K] of both views."""
    n_clusters = one.shape[1]
    total = 0.0
    for i in range(n_clusters):
        products = [float(one[:, i] @ other[:, j]) / temperature for j in range(n_clusters)]
        others = sum(math.exp(products[j]) for j in range(n_clusters) if j != i)
        total -= math.log(math.exp(products[i]) / others)
    return total / n_clusters


@all_seeds
@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("n_clusters", [2, 5])
def test_the_contrast_by_equation_4(seed: int, temperature: float, n_clusters: int) -> None:
    one, other = (random_memberships(seed + i, n_clusters=n_clusters) for i in (0, 10))
    losses = assignment_contrast(one, other, temperature=temperature)
    for head in range(HEADS):
        expected = naive_contrast(one[head], other[head], temperature)
        assert float(losses[head]) == pytest.approx(expected, rel=1e-9)


def test_the_contrast_of_two_clusters_is_the_difference_of_both_products() -> None:
    one, other = one_hot([0, 0, 0, 1], 2), one_hot([0, 0, 1, 1], 2)
    # Cluster 0 meets itself in 2 images and 1 in one; cluster 1 meets itself in one, 0 in none.
    losses = assignment_contrast(one, other)
    torch.testing.assert_close(losses, torch.tensor([((1 - 2) + (0 - 1)) / 2]).double())


@pytest.mark.parametrize("n_clusters", [2, 4, 8])
@pytest.mark.parametrize("per_cluster", [1, 3])
def test_closed_forms_of_the_contrast(n_clusters: int, per_cluster: int) -> None:
    n_images = n_clusters * per_cluster
    balanced = one_hot(list(range(n_clusters)) * per_cluster, n_clusters)
    found = assignment_contrast(balanced, balanced, temperature=0.5)
    assert float(found) == pytest.approx(math.log(n_clusters - 1) - per_cluster / 0.5)
    shifted = assignment_contrast(balanced, balanced.roll(1, dims=2), temperature=0.5)
    assert float(shifted) > float(found) + per_cluster
    unsure = torch.full((1, n_images, n_clusters), 1 / n_clusters).double()
    assert float(assignment_contrast(unsure, unsure)) == pytest.approx(math.log(n_clusters - 1))


@all_seeds
def test_the_entropy_of_the_masses_by_definition(seed: int) -> None:
    memberships = random_memberships(seed)
    entropies = mass_entropy(memberships)
    for head in range(HEADS):
        shares = [float(memberships[head, :, k].sum()) / IMAGES for k in range(CLUSTERS)]
        assert float(entropies[head]) == pytest.approx(-sum(s * math.log(s) for s in shares))


@all_seeds
@pytest.mark.parametrize("n_clusters", [2, 5, 30])
def test_the_entropy_of_the_masses_is_bounded(seed: int, n_clusters: int) -> None:
    entropies = mass_entropy(random_memberships(seed, n_clusters=n_clusters))
    assert (entropies > 0).all()
    assert (entropies < math.log(n_clusters)).all()
    collapsed = mass_entropy(one_hot([1] * 9, n_clusters))
    assert float(collapsed) == pytest.approx(0.0, abs=1e-8)
    equal = mass_entropy(one_hot(list(range(n_clusters)) * 2, n_clusters))
    assert float(equal) == pytest.approx(math.log(n_clusters))


@all_seeds
@pytest.mark.parametrize("entropy_weight", [0.0, 0.7, 2.0])
def test_the_cluster_loss_by_equation_5(seed: int, entropy_weight: float) -> None:
    one, other = (random_memberships(seed + i) for i in (0, 10))
    losses = cluster_loss(one, other, temperature=0.8, entropy_weight=entropy_weight)
    for head in range(HEADS):
        shares = one[head].mean(dim=0)
        entropy = -float((shares * shares.log()).sum())
        expected = naive_contrast(one[head], other[head], 0.8) - entropy_weight * entropy
        assert float(losses[head]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n_clusters", [2, 4, 10])
@pytest.mark.parametrize("entropy_weight", [0.0, 0.05, 2.0])
def test_only_the_entropy_tells_collapsed_from_balanced(
    n_clusters: int, entropy_weight: float
) -> None:
    balanced = one_hot(list(range(n_clusters)) * 3, n_clusters)
    collapsed = one_hot([0] * balanced.shape[1], n_clusters)
    lost = [
        float(cluster_loss(each, each, entropy_weight=entropy_weight))
        for each in (collapsed, balanced)
    ]
    assert lost[0] - lost[1] == pytest.approx(entropy_weight * math.log(n_clusters), abs=1e-8)


@all_seeds
def test_gradient_steps_lead_away_from_collapse(seed: int) -> None:
    logits = 0.5 * random_vectors(seed, 1, 24, CLUSTERS)
    logits[..., 0] += 3.0
    noise = 0.1 * random_vectors(seed + 10, 2, 1, 24, CLUSTERS)
    assert (logits.argmax(dim=-1) == 0).all()
    for _ in range(60):
        logits.requires_grad_()
        views = (logits + noise).softmax(dim=-1)
        loss = cluster_loss(views[0], views[1], temperature=24 / CLUSTERS, entropy_weight=2.0).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        logits = (logits - 20.0 * gradient).detach()
    assert len(logits.argmax(dim=-1).unique()) == CLUSTERS


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(seed: int, temperature: float, half: bool) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    logits = (10 * random_vectors(seed, 2, HEADS, IMAGES, CLUSTERS).clamp(-1, 1)).to(dtype)
    logits = logits.float().requires_grad_()
    memberships = (logits / temperature).softmax(dim=-1)
    losses = cluster_loss(memberships[0], memberships[1], temperature=temperature)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("labels", [[2] * 8, [0, 1, 0, 1, 0, 1, 0, 1]])
def test_empty_clusters_leave_loss_and_gradient_finite(labels: list[int]) -> None:
    logits = (500.0 * F.one_hot(torch.tensor([labels]), CLUSTERS)).requires_grad_()
    memberships = logits.softmax(dim=-1)
    assert (memberships.sum(dim=1) == 0.0).any()
    losses = cluster_loss(memberships, memberships, entropy_weight=2.0)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@all_seeds
def test_perceptrons_are_two_layers_for_each_head(seed: int) -> None:
    module = Perceptrons(HEADS, WIDTH, generator=seeded(seed))
    shake(module, seed)
    inputs = random_vectors(seed + 5, HEADS, IMAGES, WIDTH)
    outputs = module(inputs)
    for head in range(HEADS):
        hidden = F.relu(
            F.linear(inputs[head], module.hidden_weight[head].T, module.hidden_bias[head, 0])
        )
        expected = F.linear(hidden, module.weight[head].T, module.bias[head, 0])
        torch.testing.assert_close(outputs[head], expected)
    again = Perceptrons(HEADS, WIDTH, generator=seeded(seed))
    other = Perceptrons(HEADS, WIDTH, generator=seeded(seed + 1))
    first = Perceptrons(HEADS, WIDTH, generator=seeded(seed))
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, other.weight)


@all_seeds
@pytest.mark.parametrize("n_images", [12, 30])
def test_the_losses_add_up_to_alignment_and_weighted_cluster_losses(
    seed: int, n_images: int
) -> None:
    objective = new_objective(
        seed,
        cluster_weight=0.3,
        entropy_weight=0.7,
        contrast_temperature=0.9,
        membership_temperature=0.2,
    )
    batch = new_batch(seed, n_images)
    losses = objective(batch)
    assert losses.shape == (HEADS * len(SIZES),)

    embeddings = [objective.runner.embed(view) for view in batch.views]
    prediction = objective.predictor(objective.projector(embeddings[0]))
    target = objective.follower_projector(objective.follower.embed(batch.views[1]))
    align = alignment_loss(prediction, target)
    views = [by_size(objective.runner.classify(each), SIZES) for each in embeddings]
    clusters = [
        cluster_loss(
            (views[0][i] / 0.2).softmax(dim=-1),
            (views[1][i] / 0.2).softmax(dim=-1),
            temperature=0.9 * n_images / size,
            entropy_weight=0.7,
        )
        for i, size in enumerate(SIZES)
    ]
    of_sizes = losses.view(len(SIZES), HEADS)
    torch.testing.assert_close(of_sizes.sum(dim=0), align + 0.3 * sum(clusters))
    for i in range(len(SIZES)):
        torch.testing.assert_close(of_sizes[i], align / len(SIZES) + 0.3 * clusters[i])


@all_seeds
def test_the_contrast_does_not_depend_on_the_batch_size(seed: int) -> None:
    batch = new_batch(seed)
    twice = batch._replace(views=batch.views.repeat(1, 2, 1))
    objective = new_objective(seed)
    torch.testing.assert_close(objective(twice), objective(batch))


@all_seeds
def test_the_follower_starts_as_the_runner_and_follows_it_with_its_projector(seed: int) -> None:
    heads = MlpHeads(
        HEADS, FEATURES, SIZES, hidden_dim=8, bottleneck_dim=WIDTH, generator=seeded(seed)
    )
    objective = C2Bin(heads, momentum=0.75, generator=seeded(seed))
    pairs = [
        (follower, runner)
        for ours, theirs in (
            (objective.follower, objective.runner),
            (objective.follower_projector, objective.projector),
        )
        for follower, runner in zip(ours.parameters(), theirs.parameters(), strict=True)
    ]
    expected = []
    for follower, runner in pairs:
        assert torch.equal(follower, runner)
        assert follower.data_ptr() != runner.data_ptr()
        assert runner.requires_grad
        assert not follower.requires_grad
        expected.append(follower.detach().clone())
    for step in range(3):
        for i, module in enumerate((objective.runner, objective.projector, objective.predictor)):
            shake(module, seed + 10 * step + i)
        expected = [
            0.75 * own + 0.25 * runner.detach()
            for own, (_, runner) in zip(expected, pairs, strict=True)
        ]
        objective.after_step()
        for own, (follower, _) in zip(expected, pairs, strict=True):
            torch.testing.assert_close(follower.detach(), own, atol=1e-6, rtol=1e-5)


@all_seeds
def test_no_gradient_reaches_the_follower(seed: int) -> None:
    objective = new_objective(seed)
    objective(new_batch(seed)).sum().backward()
    for module in (objective.follower, objective.follower_projector):
        assert all(parameter.grad is None for parameter in module.parameters())
    for module in (objective.runner, objective.projector, objective.predictor):
        for parameter in module.parameters():
            assert parameter.grad is not None
            assert parameter.grad.abs().sum() > 0


@all_seeds
def test_what_is_trained_is_the_runner_with_projector_and_predictor(seed: int) -> None:
    objective = new_objective(seed)
    weights, biases = objective.weights(), objective.biases()
    trained = [*weights, *biases]
    modules = (objective.runner, objective.projector, objective.predictor)
    assert {id(p) for p in trained} == {id(p) for m in modules for p in m.parameters()}
    assert len({id(p) for p in trained}) == len(trained)
    assert all(p.requires_grad for p in trained)
    names = {id(p): name for name, p in objective.named_parameters()}
    assert all("bias" in names[id(p)] for p in biases)
    assert not any("bias" in names[id(p)] for p in weights)
    assert objective.heads is objective.runner


@all_seeds
def test_an_epoch_shows_each_image_once(seed: int) -> None:
    epoch = Epoch(40, 0.0, seeded(seed), lambda: pytest.fail("nothing is to be predicted"))
    order = new_objective(seed).start_epoch(epoch)
    assert sorted(order.tolist()) == list(range(40))
    assert order.tolist() != list(range(40))


@all_seeds
def test_a_saved_state_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    objective, other = new_objective(seed), new_objective(seed + 1)
    objective.after_step()
    batch = new_batch(seed)
    assert not torch.allclose(other(batch), objective(batch))
    other.load_state_dict(objective.state_dict())
    torch.testing.assert_close(other(batch), objective(batch))


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.1])
def test_a_step_in_bfloat16_stays_finite(seed: int, temperature: float) -> None:
    objective = new_objective(seed, membership_temperature=temperature, dtype=torch.bfloat16)
    with torch.no_grad():
        objective.runner.scale.mul_(10)
    losses = objective(new_batch(seed))
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    for parameter in [*objective.weights(), *objective.biases()]:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
