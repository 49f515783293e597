"""AdamW by PyTorch's functional form; its class loads the compiler, which takes long."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch.optim.adamw import adamw

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class _Moments(NamedTuple):
    """What is kept of a parameter, under the names of ``torch.optim.AdamW``."""

    exp_avg: torch.Tensor
    exp_avg_sq: torch.Tensor
    step: torch.Tensor


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019); 0 of it is Adam.

    Args:
        weights: decay.
        biases: don't.
        weight_decay: at least 0.
        learning_rate: to start with; may be set before any step.
    """

    def __init__(
        self,
        weights: Iterable[torch.Tensor],
        biases: Iterable[torch.Tensor] = (),
        *,
        weight_decay: float = 0.0,
        learning_rate: float = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self._groups = (([*weights], weight_decay), ([*biases], 0.0))
        self._moments = {one: _new_moments(one) for group, _ in self._groups for one in group}

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self._moments:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Moves every parameter that has a gradient."""
        for parameters, weight_decay in self._groups:
            moved = [one for one in parameters if one.grad is not None]
            self._move(moved, weight_decay)

    def _move(self, parameters: Sequence[torch.Tensor], weight_decay: float) -> None:
        moments = [self._moments[one] for one in parameters]
        adamw(
            [*parameters],
            [one.grad for one in parameters if one.grad is not None],
            [one.exp_avg for one in moments],
            [one.exp_avg_sq for one in moments],
            [],
            [one.step for one in moments],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self.learning_rate,
            weight_decay=weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def state(self) -> dict[str, torch.Tensor]:
        """What :meth:`load_state` needs, by the parameter's number; its own tensors, not copies."""
        return {
            f"{i}.{name}": value
            for i, moments in enumerate(self._moments.values())
            for name, value in moments._asdict().items()
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Continues from a :meth:`state` of the same parameters."""
        for name, value in self.state().items():
            value.copy_(state[name])


def _new_moments(parameter: torch.Tensor) -> _Moments:
    # The fused kernel counts steps in float32, on the parameter's device.
    step = torch.zeros((), device=parameter.device)
    zeros = torch.zeros_like(parameter, requires_grad=False)
    return _Moments(zeros, zeros.clone(), step)
