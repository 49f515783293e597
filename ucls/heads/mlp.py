"""TEMI's heads: independent multi-layer perceptrons."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import cosine_logits, first_layer, new_weight
from ucls.heads.rows import AllRows


class MlpHeads(nn.Module):
    """H heads: D -> hidden -> hidden -> bottleneck -> L2-norm -> weight-normed linear.

    TEMI's head (thesis 5.1.1), with GELU between the layers. All heads share their input and
    nothing else. The first layer of all heads is one product, and each further layer is one
    batched product. Classifiers of several sizes share a head's embedding.

    Args:
        n_heads: H.
        n_features: D.
        sizes: clusters of each classifier of a head.
        hidden_dim: width of the two hidden layers.
        bottleneck_dim: width of the normalised embedding (b).
        generator: source of the initial weights, on the CPU.
    """

    rows = AllRows()

    def __init__(
        self,
        n_heads: int,
        n_features: int,
        sizes: Sequence[int],
        *,
        hidden_dim: int = 512,
        bottleneck_dim: int = 256,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_heads, self.n_features, self.sizes = n_heads, n_features, tuple(sizes)
        self.widths = {"hidden_dim": hidden_dim, "bottleneck_dim": bottleneck_dim}
        n_outputs = sum(self.sizes)
        self.first_weight = new_weight(n_heads * hidden_dim, n_features, generator=generator)
        self.first_bias = nn.Parameter(torch.zeros(n_heads * hidden_dim))
        self.hidden_weight = new_weight(n_heads, hidden_dim, hidden_dim, generator=generator)
        self.hidden_bias = nn.Parameter(torch.zeros(n_heads, 1, hidden_dim))
        self.bottleneck_weight = new_weight(
            n_heads, hidden_dim, bottleneck_dim, generator=generator
        )
        self.bottleneck_bias = nn.Parameter(torch.zeros(n_heads, 1, bottleneck_dim))
        # TEMI's code starts the last layer at nearly twice this norm, so that an optimiser step
        # turns it half as far; on digits that cost the consensus nearly 2 points.
        self.direction = new_weight(n_heads, bottleneck_dim, n_outputs, generator=generator)
        self.scale = nn.Parameter(torch.ones(n_heads, 1, n_outputs))

    def forward(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Computes the logits of every head.

        Args:
            features: float32 [B, D], the same for all heads, or [H, B, D].
            dtype: of the products up to the bottleneck; the last layer is always float32.

        Returns:
            float32 [H, B, sum(sizes)], cosines times the learned scale of each cluster.
        """
        return self.rows.whole(self.classify(self._embed(self.rows.own(features), dtype)))

    def embed(self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """The embedding [H, B, b] before its normalisation, in ``dtype``."""
        return self.rows.whole(self._embed(self.rows.own(features), dtype))

    def _embed(self, features: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        hidden = first_layer(
            features.to(dtype),
            self.first_weight.to(dtype),
            self.first_bias.to(dtype),
            n_heads=self.n_heads,
        )
        hidden = torch.baddbmm(
            self.hidden_bias.to(dtype), F.gelu(hidden), self.hidden_weight.to(dtype)
        )
        return torch.baddbmm(
            self.bottleneck_bias.to(dtype), F.gelu(hidden), self.bottleneck_weight.to(dtype)
        )

    def classify(self, embedding: torch.Tensor) -> torch.Tensor:
        """The logits [H, B, sum(sizes)] of embeddings [H, B, b]."""
        return cosine_logits(embedding, self.direction, self.scale)

    def weights(self) -> list[nn.Parameter]:
        """The parameters that weight decay applies to."""
        return [
            self.first_weight,
            self.hidden_weight,
            self.bottleneck_weight,
            self.direction,
            self.scale,
        ]

    def biases(self) -> list[nn.Parameter]:
        """The parameters that weight decay leaves alone."""
        return [self.first_bias, self.hidden_bias, self.bottleneck_bias]
