"""Networks that follow another as a moving average of its weights."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def follower_of(leader: Network) -> Network:
    """A copy that no gradient changes."""
    return copy.deepcopy(leader).requires_grad_(False)


@torch.no_grad()
def follow(follower: nn.Module, leader: nn.Module, *, momentum: float) -> None:
    """Moves the weights of a follower towards those of its leader.

    Args:
        follower: that is changed; what batch norm has learned stays its own.
        leader: of the same layers.
        momentum: share of the follower's own weights, in 0..1.
    """
    ours: list[Tensor] = list(follower.parameters())
    theirs: list[Tensor] = list(leader.parameters())
    torch._foreach_lerp_(ours, theirs, 1.0 - momentum)
