"""Optimisers and the rates of their steps."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ucls.schedules import warmup_cosine
from ucls.settings.config import required
from ucls.settings.pretraining import PretrainConfig

TRUST = 0.001
"""Of LARS, as in its paper (You et al. 2017)."""


def build_optimizer(
    parameters: Iterable[nn.Parameter],
    config: PretrainConfig,
    *,
    steady: Sequence[nn.Parameter] = (),
) -> Any:
    """Builds the optimiser that the settings name, over the parameters that are learned.

    Args:
        parameters: of the method.
        config: all fields set.
        steady: those among them whose rate :func:`set_rate` leaves as it is.
    """
    held = {id(one) for one in steady}
    learned = [
        {"params": [one for one in own if one.requires_grad], "is_steady": is_steady}
        for is_steady, own in (
            (False, [one for one in parameters if id(one) not in held]),
            (True, steady),
        )
        if own
    ]
    rate, decay = required(config.learning_rate), required(config.weight_decay)
    match config.optimizer:
        case "adamw":
            return torch.optim.AdamW(learned, rate, weight_decay=decay)
        case "lars":
            from timm.optim.lars import Lars

            return Lars(
                learned,
                rate,
                momentum=config.momentum,
                weight_decay=decay,
                trust_coeff=TRUST,
                always_adapt=True,
            )
        case _:
            return torch.optim.SGD(learned, rate, momentum=config.momentum, weight_decay=decay)


def set_rate(optimizer: Any, rate: float) -> None:
    """Sets the rate of the next step, but for parameters whose rate is steady."""
    for group in optimizer.param_groups:
        if not group["is_steady"]:
            group["lr"] = rate


def rate_at(step: int, *, config: PretrainConfig, steps_per_epoch: int) -> float:
    """The learning rate of a step, which is counted over all epochs."""
    peak = required(config.learning_rate)
    n_steps = required(config.epochs) * steps_per_epoch
    n_warmup = round(required(config.warmup_epochs) * steps_per_epoch)
    if step < n_warmup:
        first = peak * config.first_rate
        return first + (peak - first) * step / max(1, n_warmup - 1)
    match config.schedule:
        case "constant":
            return peak
        case "linear":
            return peak * (1 - (step - n_warmup) / (n_steps - n_warmup))
        case "steps":
            return peak * 0.1 ** sum(step >= share * n_steps for share in config.milestones)
        case _:
            return warmup_cosine(
                step,
                peak=peak,
                final=peak * required(config.last_rate),
                warmup_steps=n_warmup,
                total_steps=n_steps,
            )


def optimizer_tensors(optimizer: Any) -> dict[str, Tensor]:
    """All that an optimiser keeps, by ``PARAMETER.NAME``."""
    return {
        f"{number}.{name}": value
        for number, kept in optimizer.state_dict()["state"].items()
        for name, value in kept.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: Any, tensors: dict[str, Tensor]) -> None:
    """Gives an optimiser what :func:`optimizer_tensors` took from an equal one."""
    state = optimizer.state_dict()
    kept: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        kept.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({**state, "state": kept})
