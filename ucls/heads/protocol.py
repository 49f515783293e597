"""What all networks of heads have in common."""

from typing import Any, Protocol

import torch
from torch import nn


class Heads(Protocol):
    """H independent heads; an ``nn.Module`` whose tensors have the heads along their first axis.

    Attributes:
        n_heads: H.
        n_features: D.
        sizes: clusters of each classifier of a head.
        widths: the other sizes that its constructor takes, by name.
    """

    n_heads: int
    n_features: int
    sizes: tuple[int, ...]
    widths: dict[str, Any]

    def __call__(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Features [B, D] to logits [H, B, sum(sizes)]; products in ``dtype``."""

    def weights(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay applies to."""

    def biases(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay leaves alone."""
