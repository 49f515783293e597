import numpy as np
import pytest
import torch
from timm.optim.lars import Lars
from torch.nn import functional as F

from ucls.preparation.columns import ColumnStatistics
from ucls.training.bank import ClassifierBank, Targets

CLASSES, WIDTH = 3, 8
RATES = (0.1, 0.5)

all_seeds = pytest.mark.parametrize("seed", range(3))


def new_bank(seed: int, *, lars: float | None, momentum: float = 0.9) -> ClassifierBank:
    return ClassifierBank(
        slice(0, WIDTH),
        CLASSES,
        learning_rates=RATES,
        momentum=momentum,
        lars=lars,
        generator=torch.Generator().manual_seed(seed),
        device=torch.device("cpu"),
    )


def batches(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(16, WIDTH, generator=generator),
            torch.randint(CLASSES, (16,), generator=generator),
        )
        for _ in range(6)
    ]


@all_seeds
@pytest.mark.parametrize("decay", [0.0, 1e-2])
def test_lars_takes_the_steps_of_timm(seed: int, decay: float) -> None:
    bank = new_bank(seed, lars=decay)
    weights = [bank.weight[:, i].clone().requires_grad_() for i in range(len(RATES))]
    biases = [torch.zeros(CLASSES, requires_grad=True) for _ in RATES]
    optimizers = [
        Lars(
            [
                {"params": [weight], "weight_decay": decay, "always_adapt": True},
                {"params": [bias], "weight_decay": 0.0},
            ],
            lr=rate,
            momentum=0.9,
        )
        for weight, bias, rate in zip(weights, biases, RATES, strict=True)
    ]
    for tokens, labels in batches(seed):
        bank.step(tokens, Targets(labels, torch.ones(len(labels))), 1.0)
        for optimizer, weight, bias in zip(optimizers, weights, biases, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(tokens @ weight + bias, labels).backward()
            optimizer.step()
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        torch.testing.assert_close(bank.weight[:, i], weight.detach(), rtol=1e-4, atol=1e-7)
        torch.testing.assert_close(bank.bias[i], bias.detach(), rtol=1e-4, atol=1e-6)


@all_seeds
def test_with_lars_the_size_of_features_does_not_change_a_step(seed: int) -> None:
    small, large = new_bank(seed, lars=0.0), new_bank(seed, lars=0.0)
    tokens, labels = batches(seed)[0]
    large.weight /= 100  # the same logits
    before = small.weight.clone()
    for bank, x in ((small, tokens), (large, 100 * tokens)):
        bank.step(x, Targets(labels, torch.ones(len(labels))), 1.0)
    torch.testing.assert_close(small.weight, 100 * large.weight, rtol=1e-4, atol=1e-7)
    assert not torch.equal(small.weight, before)


def test_no_denormal_number_slows_the_products_of_sure_classifiers() -> None:
    bank = new_bank(0, lars=None)
    bank.bias = torch.tensor([[95.0, 0.0, 0.0]]).repeat(len(RATES), 1)
    bank.step(torch.ones(4, WIDTH), Targets(torch.zeros(4).long(), torch.ones(4)), 1.0)
    for slope in bank.velocity:
        assert (slope.abs() >= torch.finfo(torch.float32).tiny).all()


def test_parts_take_features_that_are_not_centred() -> None:
    bank, tokens = new_bank(0, lars=None), 5 + batches(0)[0][0]
    statistics = ColumnStatistics.of([tokens])
    expected = bank.logits(statistics.standardize(tokens))
    for i, (weight, bias) in enumerate(bank.parts(statistics)):
        found = (tokens * statistics.scale).numpy() @ weight + bias
        np.testing.assert_allclose(found, expected[:, i].numpy(), atol=1e-5)
