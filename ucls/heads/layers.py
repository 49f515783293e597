"""Layers of H heads at once."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import nn
from torch.nn import functional as F

INITIAL_STD = 0.02


def new_weight(
    *shape: int, generator: torch.Generator | None, std: float = INITIAL_STD
) -> nn.Parameter:
    """A weight drawn from a truncated normal distribution.

    Args:
        *shape: of the weight.
        generator: on the CPU, so that a seed gives the same weights on every device.
        std: of the normal distribution.
    """
    # The bounds of torch's own default, in units of the deviation that goes with it.
    bound = 2.0 * std / INITIAL_STD
    values = torch.empty(*shape)
    return nn.Parameter(
        nn.init.trunc_normal_(values, std=std, a=-bound, b=bound, generator=generator)
    )


def first_layer(
    features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, *, n_heads: int
) -> torch.Tensor:
    """The layer that meets the features: one product where all heads see the same images.

    Args:
        features: [B, D], or [H, B, D] where each head sees images of its own.
        weight: [H * out, D].
        bias: [H * out].
        n_heads: H.

    Returns:
        [H, B, out].
    """
    if features.ndim == 2:
        outputs = F.linear(features, weight, bias).view(features.shape[0], n_heads, -1)
        return outputs.transpose(0, 1).contiguous()
    own = weight.view(n_heads, -1, features.shape[-1]).transpose(1, 2)
    return torch.baddbmm(bias.view(n_heads, 1, -1), features, own)


def cosine_logits(
    embedding: torch.Tensor, direction: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Cosines between embeddings and cluster directions, times the scale of each cluster.

    Always float32 or finer, since the cosines are divided by a small temperature.

    Args:
        embedding: [H, B, b].
        direction: [H, b, C].
        scale: [H, 1, C].

    Returns:
        [H, B, C].
    """
    classifier = F.normalize(direction, dim=1) * scale
    return torch.bmm(F.normalize(embedding.to(direction.dtype), dim=-1), classifier)


def by_size(logits: torch.Tensor, sizes: Sequence[int]) -> list[torch.Tensor]:
    """Takes logits [..., C1 + C2 + ...] apart by the sizes of the classifiers."""
    ends = accumulate(sizes)
    return [logits[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]
