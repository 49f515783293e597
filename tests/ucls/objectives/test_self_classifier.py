import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ucls.heads.layers import by_size
from ucls.heads.projection import ProjectionHeads
from ucls.objectives import self_classifier
from ucls.objectives.protocol import Batch, Epoch
from ucls.objectives.self_classifier import (
    SelfClassifier,
    log_prediction,
    self_classifier_loss,
    view_pairs,
)

REFERENCE = json.loads(
    (Path(__file__).parent / "fixtures/self_classifier_reference.json").read_text()
)
FEATURES, SIZES = 5, (4, 6)

all_seeds = pytest.mark.parametrize("seed", range(3))
many_sizes = pytest.mark.parametrize(
    ("n_images", "n_clusters"),
    [(6, 2), (12, 3), (40, 10), (64, 16), (12, 12), (300, 100), (4, 8), (5, 30)],
)


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator).double() * 2 - 1


def loss_of(views: list[torch.Tensor] | torch.Tensor, **options: Any) -> float:
    """The loss of one head whose views have logits [B, C]."""
    stacked = torch.stack(list(views))
    return self_classifier_loss(stacked[:, None], **options).item()


def agreeing(logits: torch.Tensor) -> float:
    """The loss where both views of each image have the same logits."""
    return loss_of([logits, logits])


def sharp(labels: list[int], n_clusters: int) -> torch.Tensor:
    """Logits [B, C] that leave no doubt: 100 temperatures between a class and all others."""
    return 10.0 * F.one_hot(torch.tensor(labels), n_clusters).double()


def sizes_entropy(labels: list[int], n_clusters: int) -> float:
    shares = torch.bincount(torch.tensor(labels), minlength=n_clusters).double() / len(labels)
    return float(torch.special.entr(shares).sum())


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: f"{len(case['views'])} views")
def test_equals_the_public_code(case: dict[str, Any]) -> None:
    logits = torch.tensor(case["views"], dtype=torch.float64, requires_grad=True)
    losses = self_classifier_loss(
        logits[:, None],
        row_temperature=case["row_temperature"],
        column_temperature=case["column_temperature"],
    )
    losses.sum().backward()
    assert losses.item() == pytest.approx(case["loss"], abs=1e-6)
    expected = torch.tensor(case["gradient"], dtype=torch.float64)
    torch.testing.assert_close(logits.grad, expected, atol=1e-6, rtol=0)


def test_several_classifiers_equal_the_public_code() -> None:
    case = REFERENCE["two_classifiers"]
    classifiers = [
        torch.tensor(views, dtype=torch.float64, requires_grad=True)
        for views in case["classifiers"]
    ]
    losses = [
        self_classifier_loss(
            views[:, None],
            row_temperature=case["row_temperature"],
            column_temperature=case["column_temperature"],
        )
        for views in classifiers
    ]
    loss = torch.cat(losses).mean()
    loss.backward()
    assert loss.item() == pytest.approx(case["loss"], abs=1e-6)
    for views, gradient in zip(classifiers, case["gradients"], strict=True):
        expected = torch.tensor(gradient, dtype=torch.float64)
        torch.testing.assert_close(views.grad, expected, atol=1e-6, rtol=0)


def test_view_pairs_leave_out_two_local_views() -> None:
    assert view_pairs(2, 2) == [(0, 1), (1, 0)]
    assert view_pairs(3, 2) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    assert len(view_pairs(8, 2)) == 8 * 7 - 6 * 5
    assert view_pairs(3, 0) == []
    for n_views in range(2, 6):
        every = [pair for pair in product(range(n_views), repeat=2) if pair[0] != pair[1]]
        assert view_pairs(n_views, n_views) == every
        assert set(view_pairs(n_views, 2)) == {(t, p) for t, p in every if t < 2 or p < 2}


def naive_loss(
    target: list[list[float]],
    prediction: list[list[float]],
    row: float,
    column: float,
    eps: float = 0.0,
) -> float:
    """Eq. 4 with the exponentials and sums as the paper writes them, over a batch.

    With eps as the public code has it: in the logarithm, and the least that it divides by.
    """
    n_images, n_clusters = len(target), len(target[0])
    by_column = [
        [
            math.exp(target[i][c] / column)
            / sum(math.exp(target[j][c] / column) for j in range(n_images))
            for c in range(n_clusters)
        ]
        for i in range(n_images)
    ]
    by_row = [
        [
            math.exp(prediction[i][c] / row)
            / sum(math.exp(prediction[i][d] / row) for d in range(n_clusters))
            for c in range(n_clusters)
        ]
        for i in range(n_images)
    ]
    total = 0.0
    for i in range(n_images):
        for c in range(n_clusters):
            posterior = by_column[i][c] / max(sum(by_column[i]), eps)
            of_class = max(sum(by_row[j][c] for j in range(n_images)), eps)
            share = n_images / n_clusters * by_row[i][c] / of_class
            total -= posterior * math.log(share + eps)
    return total / n_images


@all_seeds
@pytest.mark.parametrize("n_views", [2, 3, 4])
@pytest.mark.parametrize("temperatures", [(0.1, 0.05), (0.07, 0.03), (1.0, 1.0)])
def test_the_loss_by_equations_4_and_5(
    seed: int, n_views: int, temperatures: tuple[float, float]
) -> None:
    row, column = temperatures
    logits = random_logits(seed, n_views, 2, 7, 4)
    losses = self_classifier_loss(logits, row_temperature=row, column_temperature=column)
    pairs = [(t, p) for t in range(n_views) for p in range(n_views) if t != p and (t < 2 or p < 2)]
    for head in range(2):
        views = logits[:, head].tolist()
        terms = [naive_loss(views[t], views[p], row, column) for t, p in pairs]
        assert losses[head].item() == pytest.approx(sum(terms) / len(terms), rel=1e-9)


@all_seeds
def test_the_public_code_differs_where_a_probability_is_under_its_eps(seed: int) -> None:
    eps = 1e-8
    for size, is_equal in ((0.5, True), (4.0, False)):
        views = (size * random_logits(seed, 2, 7, 4)).tolist()
        paper, public = (
            (naive_loss(*views, 0.1, 0.05, e) + naive_loss(*views[::-1], 0.1, 0.05, e)) / 2
            for e in (0.0, eps)
        )
        ours = loss_of(torch.tensor(views, dtype=torch.float64))
        assert ours == pytest.approx(paper, rel=1e-9)
        smallest = (torch.tensor(views) / 0.1).softmax(dim=-1).min()
        assert bool(smallest > eps) == is_equal
        assert (abs(ours - public) < 1e-4) == is_equal


@all_seeds
def test_targets_are_distributions_and_predictions_share_out_each_cluster(seed: int) -> None:
    logits = random_logits(seed, 3, 9, 4)
    targets = self_classifier.target(logits, temperature=0.05)
    torch.testing.assert_close(targets.sum(dim=-1), torch.ones(3, 9).double())
    predictions = log_prediction(logits, temperature=0.1).exp()
    torch.testing.assert_close(predictions.sum(dim=-2), torch.full((3, 4), 9 / 4).double())


@all_seeds
def test_a_constant_on_a_cluster_leaves_the_targets_alone(seed: int) -> None:
    logits = random_logits(seed, 9, 4)
    shifted = logits + torch.tensor([0.0, 5.0, -3.0, 1.0])
    torch.testing.assert_close(
        self_classifier.target(shifted, temperature=0.05),
        self_classifier.target(logits, temperature=0.05),
    )


@many_sizes
def test_collapsed_and_undecided_solutions_cost_log_c(n_images: int, n_clusters: int) -> None:
    undecided = agreeing(torch.zeros(n_images, n_clusters).double())
    assert undecided == pytest.approx(math.log(n_clusters))
    for cluster in (0, n_clusters - 1):
        collapsed = agreeing(sharp([cluster] * n_images, n_clusters))
        assert collapsed == pytest.approx(math.log(n_clusters))


@pytest.mark.parametrize("n_clusters", [2, 3, 10, 50])
@pytest.mark.parametrize("per_cluster", [1, 2, 7])
def test_the_least_loss_is_0_where_clusters_are_sure_and_equal(
    n_clusters: int, per_cluster: int
) -> None:
    balanced = sharp(list(range(n_clusters)) * per_cluster, n_clusters)
    assert agreeing(balanced) == pytest.approx(0.0, abs=1e-9)
    collapsed = sharp([0] * len(balanced), n_clusters)
    assert agreeing(balanced) < agreeing(collapsed) - 0.9 * math.log(n_clusters)
    undecided = torch.zeros_like(balanced)
    assert agreeing(balanced) < agreeing(undecided) - 0.9 * math.log(n_clusters)


@pytest.mark.parametrize("n_images", [2, 3, 10])
@pytest.mark.parametrize("per_image", [2, 3])
def test_the_least_loss_of_fewer_images_than_clusters_is_log_c_over_n(
    n_images: int, per_image: int
) -> None:
    own = torch.eye(n_images, dtype=torch.float64).repeat_interleave(per_image, dim=1)
    expected = math.log(per_image)
    assert agreeing(10.0 * own) == pytest.approx(expected)
    first_only = sharp(list(range(n_images)), n_images * per_image)
    assert agreeing(first_only) > expected + 0.1


@all_seeds
@many_sizes
@pytest.mark.parametrize("size", [0.1, 1.0, 10.0])
def test_no_solution_at_all_costs_less_than_the_theory_allows(
    seed: int, n_images: int, n_clusters: int, size: float
) -> None:
    logits = size * random_logits(seed, 2, n_images, n_clusters)
    lower_bounds = []
    for view in logits:
        target = self_classifier.target(view, temperature=0.05)
        unsure = float(torch.special.entr(target).sum(dim=1).mean())
        mass = float(torch.special.entr(target.mean(dim=0)).sum())
        lower_bounds.append(unsure + math.log(n_clusters) - mass)
    loss = loss_of(logits)
    assert loss >= sum(lower_bounds) / 2 - 1e-9
    assert sum(lower_bounds) / 2 >= math.log(n_clusters / min(n_images, n_clusters)) - 1e-9


@all_seeds
@pytest.mark.parametrize("n_clusters", [2, 3, 8])
def test_sure_clusters_cost_what_their_sizes_lack_in_entropy(seed: int, n_clusters: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, n_clusters, (30,), generator=generator).tolist()
    labels = [*range(n_clusters), *drawn]
    expected = math.log(n_clusters) - sizes_entropy(labels, n_clusters)
    assert expected > 0
    assert agreeing(sharp(labels, n_clusters)) == pytest.approx(expected)


@pytest.mark.parametrize("n_clusters", [3, 4, 8])
def test_each_unused_cluster_costs_more(n_clusters: int) -> None:
    n_images = math.lcm(*range(1, n_clusters + 1))
    losses = []
    for n_used in range(1, n_clusters + 1):
        labels = [i % n_used for i in range(n_images)]
        share, unused = n_used / n_clusters, 1 - n_used / n_clusters
        expected = -share * math.log(share) + unused * math.log(n_clusters)
        losses.append(agreeing(sharp(labels, n_clusters)))
        assert losses[-1] == pytest.approx(expected, abs=1e-9)
    assert losses == sorted(losses, reverse=True)
    assert losses[-2] - losses[-1] > 0.5 / n_clusters


@all_seeds
@pytest.mark.parametrize("n_clusters", [2, 4, 7])
@pytest.mark.parametrize("empty", [1, 3])
def test_an_unused_cluster_is_beaten_by_balanced_ones_whatever_the_sizes(
    seed: int, n_clusters: int, empty: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    n_used = max(1, n_clusters - empty)
    labels = torch.randint(0, n_used, (4 * n_clusters,), generator=generator).tolist()
    noise = 0.02 * random_logits(seed, 2, len(labels), n_clusters)
    balanced = [i % n_clusters for i in range(len(labels))]
    loss = loss_of(0.1 * sharp(labels, n_clusters) + noise)
    assert loss > loss_of(0.1 * sharp(balanced, n_clusters) + noise) + 0.05


@pytest.mark.parametrize("n_clusters", [2, 4, 10])
def test_a_cluster_above_all_others_in_every_image_is_beaten_too(n_clusters: int) -> None:
    balanced = sharp(list(range(n_clusters)) * 5, n_clusters)
    overshadowed = balanced.clone()
    overshadowed[:, 0] += 100.0
    assert (overshadowed.argmax(dim=1) == 0).all()
    expected = math.log(n_clusters) / n_clusters
    assert agreeing(overshadowed) == pytest.approx(expected)
    assert agreeing(balanced) < 0.01 * expected


@all_seeds
@pytest.mark.parametrize("n_clusters", [2, 4, 10])
def test_gradient_steps_lead_away_from_collapse(seed: int, n_clusters: int) -> None:
    n_images = 6 * n_clusters
    content = 0.04 * random_logits(seed, n_images, n_clusters)
    noise = 0.01 * random_logits(seed + 10, 2, n_images, n_clusters)
    logits = content.clone()
    logits[:, 0] += 0.2
    assert (logits.argmax(dim=1) == 0).all()
    losses, occupied = [], [1]
    for _ in range(30):
        logits.requires_grad_()
        loss = self_classifier_loss((logits + noise)[:, None]).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        logits = (logits - 0.1 * gradient).detach()
        losses.append(loss.item())
        occupied.append(len(logits.argmax(dim=1).unique()))
    assert losses[0] > 0.5 * math.log(n_clusters)
    assert losses[-1] < 0.5 * losses[0]
    assert occupied[-1] == n_clusters


@all_seeds
def test_a_step_from_near_collapse_lowers_the_crowded_cluster(seed: int) -> None:
    logits = 0.04 * random_logits(seed, 24, 4)
    logits[:, 0] += 0.2
    before = (logits / 0.1).softmax(dim=1).mean(dim=0)[0]
    logits.requires_grad_()
    (gradient,) = torch.autograd.grad(
        self_classifier_loss(logits.expand(2, 1, -1, -1)).sum(), logits
    )
    after = ((logits - 0.1 * gradient) / 0.1).softmax(dim=1).mean(dim=0)[0]
    assert after < before


@all_seeds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_logits_stay_finite(seed: int, dtype: torch.dtype) -> None:
    logits = (1000 * random_logits(seed, 3, 2, 12, 5)).to(dtype).requires_grad_()
    losses = self_classifier_loss(logits)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(seed: int, temperature: float, half: bool) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    logits = (10 * random_logits(seed, 2, 3, 12, 5)).to(dtype).float().requires_grad_()
    losses = self_classifier_loss(
        logits, row_temperature=temperature, column_temperature=temperature / 2
    )
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@all_seeds
def test_single_precision_equals_double(seed: int) -> None:
    logits = random_logits(seed, 4, 3, 64, 10)
    torch.testing.assert_close(
        self_classifier_loss(logits.float()),
        self_classifier_loss(logits).float(),
        atol=1e-5,
        rtol=1e-5,
    )


@all_seeds
def test_gradients_flow_through_targets_as_well(seed: int) -> None:
    views = random_logits(seed, 2, 8, 4)

    def one_way(target: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        posterior = self_classifier.target(target, temperature=0.05)
        return -(posterior * log_prediction(prediction, temperature=0.1)).sum() / 8

    as_target, as_prediction = (views[0].clone().requires_grad_() for _ in range(2))
    (one_way(as_target, views[1]) + one_way(views[1], as_prediction)).backward()
    whole = views.clone().requires_grad_()
    self_classifier_loss(whole[:, None]).sum().backward()
    assert as_target.grad is not None
    assert as_prediction.grad is not None
    assert whole.grad is not None
    assert as_target.grad.abs().max() > 1e-3
    torch.testing.assert_close(whole.grad[0], (as_target.grad + as_prediction.grad) / 2)


def new_objective(seed: int, n_heads: int = 2, **options: Any) -> SelfClassifier:
    heads = ProjectionHeads(
        n_heads,
        FEATURES,
        SIZES,
        hidden_dim=16,
        bottleneck_dim=4,
        generator=torch.Generator().manual_seed(seed),
    )
    return SelfClassifier(heads, **options)


def new_batch(seed: int, n_views: int, n_images: int = 12) -> Batch:
    generator = torch.Generator().manual_seed(seed + 50)
    views = torch.randn(n_views, n_images, FEATURES, generator=generator)
    return Batch(torch.arange(n_images), views, 0.5, generator)


@all_seeds
@pytest.mark.parametrize("n_views", [2, 4])
def test_its_heads_lose_what_the_loss_says_size_after_size(seed: int, n_views: int) -> None:
    objective = new_objective(seed, n_views=n_views, row_temperature=0.2, column_temperature=0.07)
    assert objective.n_partners == n_views - 1
    assert objective.temperature == 0.2
    batch = new_batch(seed, n_views)
    losses = objective(batch)
    logits = objective.network(batch.views.flatten(0, 1))
    views = torch.stack(logits.chunk(n_views, dim=1))
    expected = [
        self_classifier_loss(part, row_temperature=0.2, column_temperature=0.07)
        for part in by_size(views, SIZES)
    ]
    torch.testing.assert_close(losses, torch.cat(expected))
    assert losses.shape == (4,)


@all_seeds
def test_all_of_the_network_is_trained(seed: int) -> None:
    objective = new_objective(seed)
    trained = [*objective.weights(), *objective.biases()]
    assert {id(p) for p in trained} == {id(p) for p in objective.parameters()}
    assert len(trained) == len(list(objective.parameters()))
    objective(new_batch(seed, 2)).sum().backward()
    objective.after_step()
    for parameter in trained:
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert objective.heads is objective.network


@all_seeds
def test_an_epoch_shows_each_image_once(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    epoch = Epoch(40, 0.0, generator, lambda: pytest.fail("nothing is to be predicted"))
    order = new_objective(seed).start_epoch(epoch)
    assert sorted(order.tolist()) == list(range(40))
    assert order.tolist() != list(range(40))


@all_seeds
def test_training_fills_every_cluster(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(48) % 4
    features = 3.0 * torch.eye(4, FEATURES)[labels] + 0.3 * torch.randn(
        48, FEATURES, generator=generator
    )
    objective = new_objective(seed)
    optimizer = torch.optim.AdamW([*objective.weights(), *objective.biases()], lr=0.01)
    for _ in range(100):
        views = features + 0.1 * torch.randn(2, 48, FEATURES, generator=generator)
        optimizer.zero_grad()
        losses = objective(Batch(torch.arange(48), views, 0.0, generator))
        losses.mean().backward()
        optimizer.step()
    found = by_size(objective.network(features), SIZES)[0].argmax(dim=-1)
    for head in found:
        assert len(head.unique()) == 4


@all_seeds
def test_a_step_in_bfloat16_stays_finite(seed: int) -> None:
    objective = new_objective(seed, row_temperature=0.04, column_temperature=0.02).float()
    objective.dtype = torch.bfloat16
    with torch.no_grad():
        objective.network.get_parameter("scale").mul_(10)
    losses = objective(new_batch(seed, 2))
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
