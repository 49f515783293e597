"""TURTLE's heads: a linear task encoder per feature space."""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import by_size
from ucls.heads.rows import AllRows


class LinearHeads(nn.Module):
    """H task encoders: per feature space a weight-normed linear map with a softmax; their mean.

    TURTLE's labelling (Gadetsky et al., ICML 2024, eq. 9).

    Args:
        n_heads: H.
        n_features: D, of all feature spaces side by side.
        sizes: clusters of each classifier of a head.
        spaces: width of each feature space; they sum to D. None: one.
        generator: source of the initial weights, on the CPU.
    """

    rows = AllRows()

    def __init__(
        self,
        n_heads: int,
        n_features: int,
        sizes: Sequence[int],
        *,
        spaces: Sequence[int] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_heads, self.n_features, self.sizes = n_heads, n_features, tuple(sizes)
        self.spaces = tuple(spaces or (n_features,))
        self.widths = {"spaces": list(self.spaces)}
        n_outputs = n_heads * sum(self.sizes)
        self.direction = nn.ParameterList(
            uniform(n_outputs, width, width=width, generator=generator) for width in self.spaces
        )
        self.scale = nn.ParameterList(
            nn.Parameter(direction.detach().norm(dim=1)) for direction in self.direction
        )
        self.bias = nn.ParameterList(
            uniform(n_outputs, width=width, generator=generator) for width in self.spaces
        )

    def forward(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Computes the logarithm of each head's label probabilities.

        Args:
            features: float32 [B, D].
            dtype: of the products.

        Returns:
            float32 [H, B, sum(sizes)].
        """
        by_space = torch.stack(self.by_space(features, dtype=dtype))
        return torch.logsumexp(by_space, dim=0) - math.log(len(self.spaces))

    def by_space(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> list[torch.Tensor]:
        """The logarithm of the label probabilities in each space, float32 [H, B, sum(sizes)]."""
        return [
            self.rows.whole(
                self._log_softmax(F.linear(part.to(dtype), self._weight(space).to(dtype)), space)
            )
            for space, part in enumerate(self.split(self.rows.own(features)))
        ]

    def split(self, features: torch.Tensor) -> list[torch.Tensor]:
        """The columns of each space of features [B, D]."""
        return by_size(features, self.spaces)

    def _weight(self, space: int) -> torch.Tensor:
        direction, scale = self.direction[space], self.scale[space]
        weight: torch.Tensor = F.normalize(direction, dim=1) * scale.unsqueeze(1)
        return weight

    def _log_softmax(self, products: torch.Tensor, space: int) -> torch.Tensor:
        logits = products.to(self.bias[space].dtype) + self.bias[space]
        logits = logits.view(products.shape[0], self.n_heads, -1).transpose(0, 1)
        parts = [F.log_softmax(part, dim=-1) for part in by_size(logits, self.sizes)]
        return torch.cat(parts, dim=-1)

    def weights(self) -> list[nn.Parameter]:
        """The parameters that weight decay applies to."""
        return [*self.direction, *self.scale]

    def biases(self) -> list[nn.Parameter]:
        """The parameters that weight decay leaves alone."""
        return list(self.bias)


def uniform(*shape: int, width: int, generator: torch.Generator | None) -> nn.Parameter:
    """A parameter drawn as ``torch.nn.Linear`` draws its own for inputs of this width."""
    bound = width**-0.5
    values = torch.empty(*shape).uniform_(-bound, bound, generator=generator)
    return nn.Parameter(values)
