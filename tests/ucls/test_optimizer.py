import pytest
import torch

from ucls.optimizer import AdamW

SHAPES = ((3, 4, 5), (7,), (2, 1))


def new_parameters(seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]


def set_gradients(parameters: list[torch.Tensor], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def equal(ours: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ours, others, strict=True))


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_equals_the_class_of_pytorch(weight_decay: float) -> None:
    ours, theirs = new_parameters(), new_parameters()
    optimizer = AdamW(ours[:2], ours[2:], weight_decay=weight_decay)
    groups = [
        {"params": theirs[:2], "weight_decay": weight_decay},
        {"params": theirs[2:], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.0, fused=True)
    for step in range(5):
        rate = 0.1 / (1 + step)
        optimizer.learning_rate = rate
        for group in reference.param_groups:
            group["lr"] = rate
        set_gradients(ours, step)
        set_gradients(theirs, step)
        optimizer.step()
        reference.step()
        assert equal(ours, theirs)
    assert not equal(ours, new_parameters())


def test_a_parameter_without_gradient_stays() -> None:
    parameters = new_parameters()
    optimizer = AdamW(parameters, learning_rate=0.1)
    set_gradients(parameters, 0)
    parameters[1].grad = None
    optimizer.step()
    moved = [not torch.equal(a, b) for a, b in zip(parameters, new_parameters(), strict=True)]
    assert moved == [True, False, True]


def test_continues_from_its_state() -> None:
    whole, first = new_parameters(), new_parameters()
    at_once, before = AdamW(whole, learning_rate=0.1), AdamW(first, learning_rate=0.1)
    for step in range(4):
        set_gradients(whole, step)
        at_once.step()
        if step < 2:
            set_gradients(first, step)
            before.step()
    kept = {name: value.clone() for name, value in before.state().items()}
    after = AdamW(first, learning_rate=0.1)
    after.load_state(kept)
    for step in range(2, 4):
        set_gradients(first, step)
        after.step()
    assert equal(whole, first)
    # What was given is not trained in.
    assert equal(list(kept.values()), list(before.state().values()))


def test_the_gradients_are_forgotten() -> None:
    parameters = new_parameters()
    set_gradients(parameters, 0)
    AdamW(parameters[:1], parameters[1:]).zero_grad()
    assert [one.grad for one in parameters] == [None] * len(SHAPES)
