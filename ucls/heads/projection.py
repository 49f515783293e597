"""Self-Classifier's heads: a projection shared by classifiers of several sizes."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import cosine_logits, new_weight
from ucls.heads.rows import AllRows


class ProjectionHeads(nn.Module):
    """H heads: D -> hidden -> batch norm -> leaky ReLU -> bottleneck -> L2-norm -> classifiers.

    The classifiers of a head share its projection, and are linear, weight-normed and without bias
    (Self-Classifier, section 5.1; one head of the paper is H = 1).

    Args:
        n_heads: H.
        n_features: D.
        sizes: clusters of each classifier of a head.
        hidden_dim: width of the hidden layer; 4096 in the paper.
        bottleneck_dim: width of the normalised projection; 128 in the paper.
        learnable_classifier: whether the classifiers are trained; else they stay as drawn.
        generator: source of the initial weights, on the CPU.
    """

    rows = AllRows()

    def __init__(
        self,
        n_heads: int,
        n_features: int,
        sizes: Sequence[int],
        *,
        hidden_dim: int = 4096,
        bottleneck_dim: int = 128,
        learnable_classifier: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_heads, self.n_features, self.sizes = n_heads, n_features, tuple(sizes)
        self.widths = {"hidden_dim": hidden_dim, "bottleneck_dim": bottleneck_dim}
        n_outputs = sum(self.sizes)
        self.first_weight = new_weight(n_heads * hidden_dim, n_features, generator=generator)
        self.norm = nn.BatchNorm1d(n_heads * hidden_dim)
        self.bottleneck_weight = new_weight(
            n_heads, hidden_dim, bottleneck_dim, generator=generator
        )
        self.bottleneck_bias = nn.Parameter(torch.zeros(n_heads, 1, bottleneck_dim))
        self.direction = new_weight(n_heads, bottleneck_dim, n_outputs, generator=generator)
        self.scale = nn.Parameter(torch.ones(n_heads, 1, n_outputs))
        for parameter in (self.direction, self.scale):
            parameter.requires_grad_(learnable_classifier)

    def forward(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Computes the logits of every head.

        Args:
            features: float32 [B, D]; in training the batch norm sees them as one batch.
            dtype: of the products up to the projection; the classifiers are always float32.

        Returns:
            float32 [H, B, sum(sizes)], cosines times the learned scale of each cluster.
        """
        features = self.rows.own(features)
        # The batch norm takes the place of a bias.
        hidden = F.linear(features.to(dtype), self.first_weight.to(dtype))
        hidden = F.leaky_relu_(self.norm(hidden))
        hidden = hidden.view(features.shape[0], self.n_heads, -1).transpose(0, 1)
        embedding = torch.baddbmm(
            self.bottleneck_bias.to(dtype), hidden, self.bottleneck_weight.to(dtype)
        )
        return self.rows.whole(cosine_logits(embedding, self.direction, self.scale))

    def weights(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay applies to."""
        classifier = [self.direction, self.scale] if self.direction.requires_grad else []
        return [self.first_weight, self.bottleneck_weight, *classifier]

    def biases(self) -> list[nn.Parameter]:
        """The parameters that weight decay leaves alone."""
        return [self.norm.weight, self.norm.bias, self.bottleneck_bias]
