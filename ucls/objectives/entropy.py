"""How evenly a batch is spread over the clusters."""

import math

import torch


def entropy_of_mean(log_probs: torch.Tensor) -> torch.Tensor:
    """The entropy of the mean prediction, in nats.

    Args:
        log_probs: log p(c|x), [..., B, C]; finite.

    Returns:
        [...], from 0 to log C.
    """
    log_mean = torch.logsumexp(log_probs, dim=-2) - math.log(log_probs.shape[-2])
    return -(log_mean.exp() * log_mean).sum(dim=-1)
