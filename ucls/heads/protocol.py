"""What all networks of heads have in common."""

from typing import Any, Protocol

import torch
from torch import nn

from ucls.heads.rows import AllRows


class Heads(Protocol):
    """H independent heads; an ``nn.Module`` whose tensors have the heads along their first axis.

    Attributes:
        n_heads: H.
        n_features: D.
        sizes: clusters of each classifier of a head.
        widths: the other sizes that its constructor takes, by name.
        rows: which of a batch's rows its layers see in this process.
    """

    n_heads: int
    n_features: int
    sizes: tuple[int, ...]
    widths: dict[str, Any]
    rows: AllRows

    def __call__(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Features [B, D] to logits [H, B, sum(sizes)]; products in ``dtype``."""

    def weights(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay applies to."""

    def biases(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay leaves alone."""
