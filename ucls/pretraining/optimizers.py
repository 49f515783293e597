"""Optimisers and the rates of their steps."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ucls.schedules import warmup_cosine
from ucls.settings.config import required
from ucls.settings.pretraining import PretrainConfig

TRUST = 0.001
"""Of LARS, as in its paper (You et al. 2017)."""


def build_optimizer(parameters: Iterable[nn.Parameter], config: PretrainConfig) -> Any:
    """Builds the optimiser that the settings name, over the parameters that are learned."""
    learned = [one for one in parameters if one.requires_grad]
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
        case _:
            return warmup_cosine(
                step,
                peak=peak,
                final=peak * config.last_rate,
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
