from collections.abc import Callable
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.mlp import MlpHeads
from ucls.heads.protocol import Heads
from ucls.objectives.protocol import Batch, Epoch
from ucls.objectives.uic import Uic, class_balanced_order, pseudo_label_loss, refill_empty

HEADS, IMAGES, CLUSTERS, BATCH = 3, 60, 4, 15

all_seeds = pytest.mark.parametrize("seed", range(3))


class Passing(nn.Module):
    """Heads whose logits are the features, so that tests choose them."""

    def __init__(self) -> None:
        super().__init__()
        self.n_heads, self.n_features, self.sizes = HEADS, CLUSTERS, (CLUSTERS,)
        self.gain = nn.Parameter(torch.ones(()))

    def forward(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        return features.to(dtype).float() * self.gain


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=seeded(seed)) * 2 - 1


def random_labels(seed: int, n_images: int, n_clusters: int) -> torch.Tensor:
    return torch.randint(0, n_clusters, (n_images,), generator=seeded(seed))


def sizes_of(labels: torch.Tensor, n_clusters: int) -> list[int]:
    return torch.bincount(labels, minlength=n_clusters).tolist()


def labels_of_sizes(*sizes: int) -> torch.Tensor:
    return torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))


def new_objective(**options: Any) -> Uic:
    return Uic(cast("Heads", Passing()), IMAGES, **options)


def no_prediction() -> torch.Tensor:
    pytest.fail("nothing is to be predicted")


def start(
    objective: Uic, progress: float, predict: Callable[[], torch.Tensor] = no_prediction
) -> torch.Tensor:
    return objective.start_epoch(Epoch(IMAGES, progress, seeded(7), predict))


def plain_prediction(seed: int) -> torch.Tensor:
    """Labels [H, N] in which no cluster is empty."""
    labels = torch.stack([random_labels(seed + head, IMAGES, CLUSTERS) for head in range(HEADS)])
    labels[:, :CLUSTERS] = torch.arange(CLUSTERS)
    return labels


def go_through(objective: Uic, order: torch.Tensor, partner_logits: torch.Tensor) -> torch.Tensor:
    """Shows all batches of an epoch, each image by its logits [H, N, C]; the losses, [n, H]."""
    losses = []
    for rows in order.split(BATCH, dim=1):
        partner = partner_logits.gather(1, rows[..., None].expand(-1, -1, CLUSTERS))
        views = torch.stack([torch.full_like(partner, torch.nan), partner])
        losses.append(objective(Batch(rows, views, 0.0, seeded(0))))
        objective.after_step()
    return torch.stack(losses)


@all_seeds
def test_the_loss_equals_torchs_cross_entropy(seed: int) -> None:
    logits = 5 * random_logits(seed, HEADS, 9, CLUSTERS)
    labels = random_labels(seed, HEADS * 9, CLUSTERS).view(HEADS, 9)
    losses = pseudo_label_loss(logits, labels)
    assert losses.shape == (HEADS,)
    for head in range(HEADS):
        torch.testing.assert_close(losses[head], F.cross_entropy(logits[head], labels[head]))
        log_probs = logits[head].log_softmax(dim=-1)
        naive = -sum(log_probs[i, labels[head, i]] for i in range(9)) / 9
        torch.testing.assert_close(losses[head], naive)


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(seed: int, temperature: float, half: bool) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    logits = (10 * random_logits(seed, HEADS, 9, CLUSTERS)).to(dtype).float().requires_grad_()
    labels = random_labels(seed, HEADS * 9, CLUSTERS).view(HEADS, 9)
    losses = pseudo_label_loss(logits / temperature, labels)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@all_seeds
@pytest.mark.parametrize("largest", [10, 11])
def test_an_empty_cluster_gets_half_of_the_largest(seed: int, largest: int) -> None:
    labels = labels_of_sizes(3, 0, largest, 5)
    full = refill_empty(labels, 4, seeded(seed))
    assert sizes_of(full, 4) == [3, largest // 2, largest - largest // 2, 5]
    moved = full != labels
    assert (labels[moved] == 2).all()
    assert (full[moved] == 1).all()


@all_seeds
def test_several_empty_clusters_halve_what_is_largest_by_then(seed: int) -> None:
    full = refill_empty(labels_of_sizes(16, 0, 6, 0, 0), 5, seeded(seed))
    assert sizes_of(full, 5) == [4, 4, 6, 4, 4]
    collapsed = torch.full((32,), 5)
    assert sizes_of(refill_empty(collapsed, 8, seeded(seed)), 8) == [4] * 8


@all_seeds
@pytest.mark.parametrize("n_clusters", [2, 5, 16])
@pytest.mark.parametrize("n_images", [16, 17, 50])
@pytest.mark.parametrize("n_used", [1, 2, 4])
def test_no_cluster_stays_empty(seed: int, n_clusters: int, n_images: int, n_used: int) -> None:
    labels = random_labels(seed, n_images, min(n_used, n_clusters))
    full = refill_empty(labels, n_clusters, seeded(seed))
    sizes = sizes_of(full, n_clusters)
    assert len(sizes) == n_clusters
    assert min(sizes) >= 1
    moved = full != labels
    before = sizes_of(labels, n_clusters)
    assert all(before[c] == 0 for c in full[moved].tolist())


@all_seeds
def test_labels_without_empty_clusters_stay(seed: int) -> None:
    labels = labels_of_sizes(40, 1, 2)
    assert torch.equal(refill_empty(labels, 3, seeded(seed)), labels)


def test_a_refill_leaves_its_input_alone_and_depends_on_the_seed_only() -> None:
    labels = labels_of_sizes(20, 0, 3)
    before = labels.clone()
    halves = [refill_empty(labels, 3, seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(labels, before)
    assert torch.equal(halves[0], halves[1])
    assert not torch.equal(halves[0], halves[2])


def test_every_member_may_be_moved() -> None:
    labels = labels_of_sizes(6, 0)
    moved = torch.stack([refill_empty(labels, 2, seeded(seed)) == 1 for seed in range(40)])
    assert moved.any(dim=0).all()
    assert not moved.all(dim=0).any()


@all_seeds
@pytest.mark.parametrize("sizes", [(1, 50, 9), (20, 20, 20), (5, 1, 1, 1, 54), (2, 3)])
def test_every_cluster_is_drawn_equally_often_up_to_one(seed: int, sizes: tuple[int, ...]) -> None:
    labels = labels_of_sizes(*sizes)
    labels = labels[torch.randperm(len(labels), generator=seeded(seed))]
    order = class_balanced_order(labels, len(sizes), seeded(seed))
    assert order.shape == labels.shape
    assert order.min() >= 0
    assert order.max() < len(labels)
    drawn = sizes_of(labels[order], len(sizes))
    assert max(drawn) - min(drawn) <= 1
    for n_first in range(1, len(labels)):
        part = sizes_of(labels[order[:n_first]], len(sizes))
        assert max(part) - min(part) <= 1


@all_seeds
def test_no_member_is_drawn_again_before_all_are(seed: int) -> None:
    labels = labels_of_sizes(1, 7, 32)
    order = class_balanced_order(labels, 3, seeded(seed))
    for cluster, size in enumerate((1, 7, 32)):
        times = torch.bincount(order[labels[order] == cluster], minlength=40)[labels == cluster]
        assert times.max() - times.min() <= 1
        assert times.sum() >= min(size, 13)


def test_all_members_are_drawn_alike() -> None:
    sizes = (1, 7, 32)
    labels = labels_of_sizes(*sizes)[torch.randperm(40, generator=seeded(0))]
    orders = [class_balanced_order(labels, 3, seeded(seed)) for seed in range(300)]
    drawn = torch.bincount(torch.cat(orders), minlength=40)
    for cluster, size in enumerate(sizes):
        expected = 300 * 40 / 3 / size
        members = drawn[labels == cluster]
        assert (members - expected).abs().max() < 6 * expected**0.5


def test_an_order_depends_on_the_seed_only() -> None:
    labels = random_labels(0, 50, 4)
    orders = [class_balanced_order(labels, 4, seeded(seed)) for seed in (0, 0, 1)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])


@all_seeds
def test_the_first_epoch_learns_the_plain_prediction_each_head_its_own(seed: int) -> None:
    objective, predicted = new_objective(), plain_prediction(seed)
    order = start(objective, 0.0, lambda: predicted)
    assert torch.equal(objective.labels.long(), predicted)
    assert order.shape == (HEADS, IMAGES)
    for head in range(HEADS):
        assert sizes_of(predicted[head, order[head]], CLUSTERS) == [IMAGES // CLUSTERS] * CLUSTERS
    assert not torch.equal(order[0], order[1])


@all_seeds
def test_an_epoch_learns_what_the_epoch_before_made_of_the_partner_view(seed: int) -> None:
    objective = new_objective(temperature=0.3)
    labels = plain_prediction(seed)
    order = start(objective, 0.0, lambda: labels)
    for epoch in range(3):
        partner_logits = random_logits(10 * seed + epoch, HEADS, IMAGES, CLUSTERS)
        losses = go_through(objective, order, partner_logits)
        for step, rows in enumerate(order.split(BATCH, dim=1)):
            for head in range(HEADS):
                logits = partner_logits[head, rows[head]] / 0.3
                expected = F.cross_entropy(logits, labels[head, rows[head]])
                torch.testing.assert_close(losses[step, head], expected)
        labels = labels.clone()
        for head in range(HEADS):
            seen = order[head]
            labels[head, seen] = partner_logits[head, seen].argmax(dim=-1)
            assert len(seen.unique()) < IMAGES
        order = start(objective, 0.1 * (epoch + 1))
        assert torch.equal(objective.labels.long(), labels)


@all_seeds
def test_an_empty_cluster_is_refilled_before_the_next_epoch(seed: int) -> None:
    objective = new_objective()
    order = start(objective, 0.0, lambda: plain_prediction(seed))
    all_in_one = F.one_hot(torch.full((HEADS, IMAGES), 2), CLUSTERS).float()
    go_through(objective, order, all_in_one)
    order = start(objective, 0.1)
    for head in range(HEADS):
        labels = objective.labels[head].long()
        assert min(sizes_of(labels, CLUSTERS)) >= 1
        drawn = sizes_of(labels[order[head]], CLUSTERS)
        assert drawn == [IMAGES // CLUSTERS] * CLUSTERS


@all_seeds
def test_the_last_epochs_keep_the_plain_prediction(seed: int) -> None:
    objective = new_objective(fixed_share=0.25)
    order = start(objective, 0.0, lambda: plain_prediction(seed + 50))
    go_through(objective, order, random_logits(seed, HEADS, IMAGES, CLUSTERS))
    order = start(objective, 0.7)
    go_through(objective, order, random_logits(seed + 1, HEADS, IMAGES, CLUSTERS))

    fixed, n_calls = plain_prediction(seed), 0

    def predict() -> torch.Tensor:
        nonlocal n_calls
        n_calls += 1
        return fixed

    for epoch, progress in enumerate((0.75, 0.8, 0.95)):
        order = start(objective, progress, predict)
        assert torch.equal(objective.labels.long(), fixed)
        partner_logits = random_logits(seed + 10 + epoch, HEADS, IMAGES, CLUSTERS)
        losses = go_through(objective, order, partner_logits)
        rows = order[:, :BATCH]
        for head in range(HEADS):
            logits = partner_logits[head, rows[head]] / 0.1
            expected = F.cross_entropy(logits, fixed[head, rows[head]])
            torch.testing.assert_close(losses[0, head], expected)
    assert n_calls == 1


@all_seeds
def test_fixed_labels_that_had_to_be_refilled_stay_as_well(seed: int) -> None:
    objective = new_objective(fixed_share=1.0)
    crowded = plain_prediction(seed).clamp_max(1)
    order = start(objective, 0.0, lambda: crowded)
    labels = objective.labels.clone()
    assert all(min(sizes_of(row.long(), CLUSTERS)) >= 1 for row in labels)
    go_through(objective, order, random_logits(seed, HEADS, IMAGES, CLUSTERS))
    start(objective, 0.5)
    assert torch.equal(objective.labels, labels)


def test_no_share_fixes_no_labels() -> None:
    objective = new_objective(fixed_share=0.0)
    order = start(objective, 0.0, lambda: plain_prediction(0))
    for epoch in range(1, 10):
        before = objective.labels.clone()
        go_through(objective, order, random_logits(epoch, HEADS, IMAGES, CLUSTERS))
        order = start(objective, epoch / 10)
        assert not torch.equal(objective.labels, before)
    assert not objective.is_fixed


@all_seeds
@pytest.mark.parametrize("fixed_share", [0.1, 1.0])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(seed: int, fixed_share: float) -> None:
    objective, other = (new_objective(fixed_share=fixed_share) for _ in range(2))
    order = start(objective, 0.0, lambda: plain_prediction(seed))
    go_through(objective, order, random_logits(seed, HEADS, IMAGES, CLUSTERS))
    saved = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    other.load_state_dict(saved)
    orders = [start(each, 0.2) for each in (objective, other)]
    assert torch.equal(orders[0], orders[1])
    assert torch.equal(objective.labels, other.labels)
    logits = random_logits(seed + 1, HEADS, IMAGES, CLUSTERS)
    losses = [go_through(each, orders[0], logits) for each in (objective, other)]
    torch.testing.assert_close(losses[0], losses[1])
    assert torch.equal(objective.next_labels, other.next_labels)


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_heads_learn_their_own_labels(seed: int, temperature: float, dtype: torch.dtype) -> None:
    heads = MlpHeads(HEADS, 5, (CLUSTERS,), hidden_dim=16, bottleneck_dim=8, generator=seeded(seed))
    objective = Uic(heads, IMAGES, temperature=temperature, dtype=dtype)
    trained = [*objective.weights(), *objective.biases()]
    assert {id(p) for p in trained} == {id(p) for p in objective.parameters()}
    assert objective.heads is objective.network
    features = torch.randn(IMAGES, 5, generator=seeded(seed + 5))
    order = start(objective, 0.0, lambda: plain_prediction(seed))
    optimizer = torch.optim.AdamW(trained, lr=0.01)
    history = []
    for _ in range(20):
        views = features[order].expand(2, -1, -1, -1)
        losses = objective(Batch(order, views, 0.0, seeded(0)))
        assert losses.dtype == torch.float32
        assert losses.isfinite().all()
        optimizer.zero_grad()
        losses.sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
        optimizer.step()
        history.append(losses.detach())
    assert (history[-1] < history[0]).all()
