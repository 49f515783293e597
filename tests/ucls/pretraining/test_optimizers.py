import pytest
import torch
from torch import nn

from ucls.pretraining.optimizers import (
    build_optimizer,
    optimizer_tensors,
    rate_at,
    restore_optimizer,
    set_rate,
)
from ucls.settings.pretraining import PretrainConfig


def config(**options):
    settings = {
        "optimizer": "sgd", "learning_rate": 0.4, "weight_decay": 1e-4, "epochs": 10,
        "warmup_epochs": 2.0, "schedule": "cosine", "last_rate": 1 / 1000,
    }  # fmt: skip
    return PretrainConfig(**{**settings, **options})


def test_the_rate_rises_from_its_first_to_its_highest_then_falls_to_its_last():
    rates = [rate_at(step, config=config(), steps_per_epoch=10) for step in range(100)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[19] == pytest.approx(0.4)
    assert rates[20] == pytest.approx(0.4)
    assert rates[60] == pytest.approx((0.4 + 0.0004) / 2)
    assert 0.0004 < rates[99] < 0.0008
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_the_other_schedules():
    linear = config(schedule="linear", warmup_epochs=0.0)
    assert rate_at(25, config=linear, steps_per_epoch=10) == pytest.approx(0.3)
    constant = config(schedule="constant", warmup_epochs=0.0)
    assert rate_at(99, config=constant, steps_per_epoch=10) == 0.4
    steps = config(schedule="steps", warmup_epochs=0.0, milestones=(0.6, 0.8))
    rates = [rate_at(step, config=steps, steps_per_epoch=10) for step in (0, 59, 60, 79, 80)]
    assert rates == pytest.approx([0.4, 0.4, 0.04, 0.04, 0.004])


def test_a_steady_rate_stays_the_highest():
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    learned = [one for layer in layers for one in layer.parameters()]
    optimizer = build_optimizer(learned, config(), steady=list(layers[1].parameters()))
    set_rate(optimizer, 0.1)
    rates = {id(one): group["lr"] for group in optimizer.param_groups for one in group["params"]}
    assert [rates[id(one)] for one in learned] == [0.1, 0.1, 0.4, 0.4]


@pytest.mark.parametrize("name", ["sgd", "lars", "adamw"])
def test_what_an_optimiser_keeps_goes_over_to_another(name):
    torch.manual_seed(0)
    layers = [nn.Linear(4, 3), nn.Linear(4, 3)]
    layers[1].load_state_dict(layers[0].state_dict())
    first, second = (
        build_optimizer(layer.parameters(), config(optimizer=name)) for layer in layers
    )
    inputs = torch.randn(8, 4)

    def step(layer, optimizer):
        optimizer.zero_grad()
        layer(inputs).square().sum().backward()
        optimizer.step()

    for _ in range(3):
        step(layers[0], first)
    layers[1].load_state_dict(layers[0].state_dict())
    restore_optimizer(second, {n: v.clone() for n, v in optimizer_tensors(first).items()})
    for layer, optimizer in zip(layers, (first, second), strict=True):
        step(layer, optimizer)
    assert torch.equal(layers[0].weight, layers[1].weight)


def test_what_is_not_learned_has_no_optimiser():
    layer = nn.Linear(4, 3)
    layer.bias.requires_grad_(False)
    optimizer = build_optimizer(layer.parameters(), config())
    assert len(optimizer.param_groups[0]["params"]) == 1
