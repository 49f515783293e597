import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ucls.heads.layers import by_size
from ucls.heads.linear import LinearHeads
from ucls.objectives import turtle
from ucls.objectives.entropy import entropy_of_mean
from ucls.objectives.protocol import Batch, Epoch
from ucls.objectives.turtle import (
    InnerClassifiers,
    Turtle,
    soft_cross_entropy,
    turtle_loss,
)

REFERENCE = json.loads((Path(__file__).parent / "fixtures/turtle_reference.json").read_text())
TASK = {"weight_v": "direction", "weight_g": "scale", "bias": "bias"}
HEADS, IMAGES, CLUSTERS, SPACES = 3, 12, 4, (5, 3)

all_seeds = pytest.mark.parametrize("seed", range(3))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_logits(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=seeded(seed)) * 2 - 1


def random_log_probs(seed: int, n_spaces: int = 2) -> list[torch.Tensor]:
    logits = 3 * random_logits(seed, n_spaces, HEADS, IMAGES, CLUSTERS).double()
    return list(logits.log_softmax(dim=-1))


def given_start(monkeypatch: pytest.MonkeyPatch, starts: Sequence[dict[str, torch.Tensor]]) -> None:
    """Lets inner classifiers start from these tensors, one after the other."""
    remaining = iter(starts)

    def start(
        self: InnerClassifiers, n_heads: int, width: int, n_outputs: int, **_: object
    ) -> None:
        values = next(remaining)
        assert values["weight"].shape == (n_heads * n_outputs, width)
        self.n_heads = n_heads
        self.weight, self.bias = values["weight"].clone(), values["bias"].clone()

    monkeypatch.setattr(InnerClassifiers, "__init__", start)


def doubles(values: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


def new_heads(seed: int, n_heads: int = HEADS, sizes: Sequence[int] = (CLUSTERS,)) -> LinearHeads:
    return LinearHeads(n_heads, sum(SPACES), sizes, spaces=SPACES, generator=seeded(seed))


def new_batch(seed: int, n_images: int = IMAGES, *, itself: bool = False) -> Batch:
    views = torch.randn(2, n_images, sum(SPACES), generator=seeded(seed + 30))
    views = views[:1].expand(2, -1, -1) if itself else views
    return Batch(torch.arange(n_images), views, 0.5, seeded(seed + 60))


def test_two_outer_steps_equal_the_public_code(monkeypatch: pytest.MonkeyPatch) -> None:
    features = [torch.tensor(space, dtype=torch.float64) for space in REFERENCE["features"]]
    spaces = [space.shape[1] for space in features]
    n_clusters = len(REFERENCE["task_initial"][0]["bias"])
    heads = LinearHeads(1, sum(spaces), (n_clusters,), spaces=spaces).double()
    for space, initial in enumerate(map(doubles, REFERENCE["task_initial"])):
        for theirs, ours in TASK.items():
            parameter = heads.get_parameter(f"{ours}.{space}")
            parameter.data.copy_(initial[theirs].view_as(parameter))
    objective = Turtle(
        heads,
        inner_steps=REFERENCE["M"],
        inner_learning_rate=REFERENCE["inner_lr"],
        entropy_weight=REFERENCE["gamma"],
        dtype=torch.float64,
    )
    steps = REFERENCE["steps"]
    starts = [doubles(space) for step in steps for space in step["inner_initial"]]
    given_start(monkeypatch, starts)
    optimizer = torch.optim.Adam(
        [*objective.weights(), *objective.biases()], lr=REFERENCE["outer_lr"]
    )
    both_views = torch.cat(features, dim=1).expand(2, -1, -1)
    for step in steps:
        optimizer.zero_grad()
        losses = objective(Batch(torch.arange(len(features[0])), both_views, 0.0, seeded(0)))
        losses.sum().backward()
        optimizer.step()
        assert losses.item() == pytest.approx(step["loss"], abs=1e-6)
        for kind in ("gradient", "task"):
            for space, expected in enumerate(map(doubles, step[kind])):
                for theirs, ours in TASK.items():
                    parameter = heads.get_parameter(f"{ours}.{space}")
                    found = parameter.grad if kind == "gradient" else parameter.detach()
                    assert found is not None
                    torch.testing.assert_close(
                        found, expected[theirs].view_as(found), atol=1e-6, rtol=0
                    )


@pytest.mark.parametrize("index", range(len(REFERENCE["steps"])))
def test_the_parts_of_a_step_equal_the_public_code(
    index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = [torch.tensor(space, dtype=torch.float64) for space in REFERENCE["features"]]
    step = REFERENCE["steps"][index]
    task = REFERENCE["task_initial"] if index == 0 else REFERENCE["steps"][index - 1]["task"]
    log_labels = []
    for space, values in zip(features, map(doubles, task), strict=True):
        weight = torch._weight_norm(values["weight_v"], values["weight_g"].view(-1, 1), 0)
        log_labels.append(F.linear(space, weight, values["bias"]).log_softmax(dim=-1)[None])
    labels = sum(part.exp() for part in log_labels) / len(log_labels)

    given_start(monkeypatch, [doubles(space) for space in step["inner_initial"]])
    log_probs = []
    for space, final in zip(features, map(doubles, step["inner_final"]), strict=True):
        inner = InnerClassifiers(1, space.shape[1], labels.shape[-1], generator=seeded(0))
        inner.fit(space, labels, n_steps=REFERENCE["M"], learning_rate=REFERENCE["inner_lr"])
        torch.testing.assert_close(inner.weight, final["weight"], atol=1e-6, rtol=0)
        torch.testing.assert_close(inner.bias, final["bias"], atol=1e-6, rtol=0)
        log_probs.append(inner.log_probs(space))

    error = sum(soft_cross_entropy(part, labels) for part in log_probs)
    entropy = sum(entropy_of_mean(part) for part in log_labels)
    assert error.item() == pytest.approx(step["pred_error"], abs=1e-6)
    assert entropy.item() == pytest.approx(step["entr_reg"], abs=1e-6)
    loss = turtle_loss(log_labels, log_probs, entropy_weight=REFERENCE["gamma"])
    assert loss.item() == pytest.approx(step["loss"], abs=1e-6)


@all_seeds
def test_soft_cross_entropy_equals_torchs(seed: int) -> None:
    logits = 3 * random_logits(seed, HEADS, IMAGES, CLUSTERS)
    labels = (3 * random_logits(seed + 10, HEADS, IMAGES, CLUSTERS)).softmax(dim=-1)
    losses = soft_cross_entropy(logits.log_softmax(dim=-1), labels)
    assert losses.shape == (HEADS,)
    for head in range(HEADS):
        torch.testing.assert_close(losses[head], F.cross_entropy(logits[head], labels[head]))


@all_seeds
@pytest.mark.parametrize("n_spaces", [1, 2, 3])
def test_the_loss_by_equation_12(seed: int, n_spaces: int) -> None:
    log_labels, log_probs = (random_log_probs(seed + i, n_spaces) for i in (0, 10))
    losses = turtle_loss(log_labels, log_probs, entropy_weight=2.5)
    for head in range(HEADS):
        expected = 0.0
        for space in range(n_spaces):
            for image in range(IMAGES):
                for c in range(CLUSTERS):
                    label = sum(float(part[head, image, c].exp()) for part in log_labels) / n_spaces
                    expected -= label * float(log_probs[space][head, image, c]) / IMAGES
            for share in log_labels[space][head].exp().mean(dim=0).tolist():
                expected += 2.5 * share * math.log(share)
        assert float(losses[head]) == pytest.approx(expected, rel=1e-6)


@all_seeds
def test_inner_classifiers_start_as_torchs_linear_layers_do(seed: int) -> None:
    inner = InnerClassifiers(200, 16, CLUSTERS, generator=seeded(seed))
    assert inner.weight.shape == (200 * CLUSTERS, 16)
    for values in (inner.weight, inner.bias):
        assert values.abs().max() <= 16**-0.5
        assert values.abs().max() > 0.95 * 16**-0.5
        assert abs(float(values.mean())) < 0.03
    again = InnerClassifiers(200, 16, CLUSTERS, generator=seeded(seed))
    assert torch.equal(inner.weight, again.weight)
    assert torch.equal(inner.bias, again.bias)


@all_seeds
def test_inner_classifiers_learn_as_linear_layers_under_adam(seed: int) -> None:
    features = torch.randn(IMAGES, 6, generator=seeded(seed))
    labels = (3 * random_logits(seed + 10, HEADS, IMAGES, CLUSTERS)).softmax(dim=-1)
    inner = InnerClassifiers(HEADS, 6, CLUSTERS, generator=seeded(seed))
    layers = [torch.nn.Linear(6, CLUSTERS) for _ in range(HEADS)]
    for head, layer in enumerate(layers):
        rows = slice(head * CLUSTERS, (head + 1) * CLUSTERS)
        layer.weight.data.copy_(inner.weight[rows])
        layer.bias.data.copy_(inner.bias[rows])
    inner.fit(features, labels, n_steps=5, learning_rate=0.05)
    for head, layer in enumerate(layers):
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(layer(features), labels[head]).backward()
            optimizer.step()
        expected = layer(features).log_softmax(dim=-1).detach()
        torch.testing.assert_close(inner.log_probs(features)[head], expected, atol=1e-5, rtol=1e-4)
    assert not inner.weight.requires_grad


@all_seeds
def test_gradients_as_small_as_adams_epsilon_move_inner_classifiers_as_torchs(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = torch.randn(IMAGES, 6, generator=seeded(seed)).double()
    layer = torch.nn.Linear(6, CLUSTERS).double()
    start = {
        "weight": random_logits(seed + 20, CLUSTERS, 6).double(),
        "bias": random_logits(seed + 21, CLUSTERS).double(),
    }
    layer.load_state_dict(start)
    given_start(monkeypatch, [start])
    inner = InnerClassifiers(1, 6, CLUSTERS, generator=seeded(0))
    noise = 1e-7 * random_logits(seed, IMAGES, CLUSTERS).double()
    labels = layer(features).softmax(dim=-1).detach() + noise - noise.mean(dim=1, keepdim=True)
    inner.fit(features, labels[None], n_steps=1, learning_rate=0.01)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    F.cross_entropy(layer(features), labels).backward()
    optimizer.step()
    torch.testing.assert_close(inner.weight, layer.weight.detach(), atol=1e-7, rtol=0)
    torch.testing.assert_close(inner.bias, layer.bias.detach(), atol=1e-7, rtol=0)
    moved = (inner.weight - start["weight"]).abs()
    assert 0.002 < float(moved.mean()) < 0.0095


@all_seeds
def test_inner_classifiers_learn_where_gradients_are_off(seed: int) -> None:
    features = torch.randn(IMAGES, 6, generator=seeded(seed))
    labels = F.one_hot(torch.arange(IMAGES) % CLUSTERS).float().expand(HEADS, -1, -1)
    inner = InnerClassifiers(HEADS, 6, CLUSTERS, generator=seeded(seed))
    before = soft_cross_entropy(inner.log_probs(features), labels)
    with torch.no_grad():
        inner.fit(features, labels, n_steps=20, learning_rate=0.1)
    assert (soft_cross_entropy(inner.log_probs(features), labels) < before).all()


@all_seeds
@pytest.mark.parametrize("itself", [False, True])
def test_several_heads_at_once_equal_each_alone(
    seed: int, itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads, batch = new_heads(seed), new_batch(seed, itself=itself)
    starts = [
        {
            "weight": random_logits(seed + i, HEADS * CLUSTERS, width),
            "bias": random_logits(seed + 5 + i, HEADS * CLUSTERS),
        }
        for i, width in enumerate(SPACES)
    ]
    given_start(monkeypatch, starts)
    together = Turtle(heads, inner_learning_rate=0.1)(batch)
    together.sum().backward()
    for head in range(HEADS):
        rows = slice(head * CLUSTERS, (head + 1) * CLUSTERS)
        alone = new_heads(seed, n_heads=1)
        for ours, all_of_them in zip(alone.parameters(), heads.parameters(), strict=True):
            ours.data.copy_(all_of_them.detach()[rows])
        given_start(monkeypatch, [{k: v[rows] for k, v in start.items()} for start in starts])
        loss = Turtle(alone, inner_learning_rate=0.1)(batch)
        loss.sum().backward()
        torch.testing.assert_close(loss, together[head : head + 1])
        for ours, all_of_them in zip(alone.parameters(), heads.parameters(), strict=True):
            assert ours.grad is not None
            assert all_of_them.grad is not None
            torch.testing.assert_close(ours.grad, all_of_them.grad[rows], atol=1e-5, rtol=1e-4)


@all_seeds
def test_inner_classifiers_see_the_partner_and_are_asked_about_the_image(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[torch.Tensor] = []
    asked: list[torch.Tensor] = []
    fit, log_probs = InnerClassifiers.fit, InnerClassifiers.log_probs

    def spy_fit(
        self: InnerClassifiers, features: torch.Tensor, labels: torch.Tensor, **options: Any
    ) -> None:
        fitted.append(features)
        assert not labels.requires_grad
        fit(self, features, labels, **options)
        asked.clear()

    def spy_log_probs(self: InnerClassifiers, features: torch.Tensor) -> torch.Tensor:
        asked.append(features)
        return log_probs(self, features)

    monkeypatch.setattr(turtle.InnerClassifiers, "fit", spy_fit)
    monkeypatch.setattr(turtle.InnerClassifiers, "log_probs", spy_log_probs)
    heads, batch = new_heads(seed), new_batch(seed)
    Turtle(heads)(batch)
    assert [part.shape[1] for part in fitted] == list(SPACES)
    assert torch.equal(torch.cat(fitted, dim=1), batch.views[1])
    assert torch.equal(asked[-1], heads.split(batch.views[0])[-1])


@all_seeds
def test_losses_of_all_sizes_follow_each_other(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (3, 5)
    heads, batch = new_heads(seed, sizes=sizes), new_batch(seed)
    starts = [
        {
            "weight": random_logits(seed + i, HEADS * size, width),
            "bias": random_logits(seed + 5 + i, HEADS * size),
        }
        for i, (size, width) in enumerate((size, width) for size in sizes for width in SPACES)
    ]
    given_start(monkeypatch, starts)
    objective = Turtle(heads, inner_steps=10, inner_learning_rate=0.1, entropy_weight=3.0)
    losses = objective(batch)
    assert losses.shape == (HEADS * len(sizes),)

    given_start(monkeypatch, starts)
    by_space = [by_size(part, sizes) for part in heads.by_space(batch.views[0])]
    own, partner = (heads.split(view) for view in batch.views)
    for index, size in enumerate(sizes):
        log_labels = [parts[index] for parts in by_space]
        labels = sum(part.exp() for part in log_labels).detach() / len(SPACES)
        log_probs = []
        for space, width in enumerate(SPACES):
            inner = InnerClassifiers(HEADS, width, size, generator=seeded(0))
            inner.fit(partner[space], labels, n_steps=10, learning_rate=0.1)
            log_probs.append(inner.log_probs(own[space]))
        expected = turtle_loss(log_labels, log_probs, entropy_weight=3.0)
        torch.testing.assert_close(losses.view(len(sizes), HEADS)[index], expected)


@all_seeds
def test_a_draw_depends_on_the_generator_only(seed: int) -> None:
    objective = Turtle(new_heads(seed))
    first, again = (objective(new_batch(seed)) for _ in range(2))
    assert torch.equal(first, again)
    other = objective(new_batch(seed)._replace(generator=seeded(seed + 999)))
    assert not torch.equal(first, other)


@all_seeds
def test_all_of_the_task_encoders_are_trained(seed: int) -> None:
    objective = Turtle(new_heads(seed))
    trained = [*objective.weights(), *objective.biases()]
    assert {id(p) for p in trained} == {id(p) for p in objective.parameters()}
    assert len(trained) == len(list(objective.parameters()))
    objective(new_batch(seed)).sum().backward()
    objective.after_step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained)
    assert objective.heads is objective.encoder


@all_seeds
def test_an_epoch_shows_each_image_once(seed: int) -> None:
    epoch = Epoch(40, 0.0, seeded(seed), lambda: pytest.fail("nothing is to be predicted"))
    order = Turtle(new_heads(seed)).start_epoch(epoch)
    assert sorted(order.tolist()) == list(range(40))
    assert order.tolist() != list(range(40))


@all_seeds
@pytest.mark.parametrize("temperature", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("half", [False, True])
def test_large_logits_stay_finite(seed: int, temperature: float, half: bool) -> None:
    dtype = torch.bfloat16 if half else torch.float32
    drawn = (10 * random_logits(seed, 2, HEADS, IMAGES, CLUSTERS)).to(dtype)
    logits = drawn.float().requires_grad_()
    log_labels, log_probs = (
        list((part / temperature).log_softmax(dim=-1)[None]) for part in logits
    )
    losses = turtle_loss(log_labels, log_probs)
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_cluster_that_no_image_has_leaves_the_gradient_finite() -> None:
    logits = 500.0 * F.one_hot(torch.arange(8) % 2, CLUSTERS)[None]
    logits.requires_grad_()
    log_labels = logits.log_softmax(dim=-1)
    assert (log_labels.exp().sum(dim=1) == 0.0).any()
    losses = turtle_loss([log_labels], [log_labels.detach()])
    losses.sum().backward()
    assert losses.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@all_seeds
def test_a_step_in_bfloat16_stays_finite(seed: int) -> None:
    heads, batch = new_heads(seed), new_batch(seed)
    objective = Turtle(heads, inner_learning_rate=0.1, dtype=torch.bfloat16)
    losses = objective(batch._replace(views=10 * batch.views))
    losses.sum().backward()
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()
    for parameter in heads.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
