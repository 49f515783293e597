"""Many independent clustering heads as one batched network."""

import torch
from torch import nn
from torch.nn import functional as F

INITIAL_STD = 0.02


class MultiHead(nn.Module):
    """H MLP heads: D -> hidden -> hidden -> bottleneck -> L2-norm -> weight-normed linear C.

    TEMI's head (thesis 5.1.1), with GELU between the layers. All heads share their input and
    nothing else; each product runs for all of them at once.

    Args:
        n_heads: H.
        n_features: D.
        n_clusters: C.
        hidden_dim: width of the two hidden layers.
        bottleneck_dim: width of the normalised embedding.
        generator: source of the initial weights, on the CPU so that a seed gives the same
            weights on every device.
    """

    def __init__(
        self,
        n_heads: int,
        n_features: int,
        n_clusters: int,
        *,
        hidden_dim: int = 512,
        bottleneck_dim: int = 256,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.n_heads, self.n_features, self.n_clusters = n_heads, n_features, n_clusters
        widths = [n_features, hidden_dim, hidden_dim, bottleneck_dim]

        def weight(fan_in: int, fan_out: int) -> nn.Parameter:
            values = torch.empty(n_heads, fan_in, fan_out)
            return nn.Parameter(nn.init.trunc_normal_(values, std=INITIAL_STD, generator=generator))

        self.weights = nn.ParameterList(map(weight, widths[:-1], widths[1:]))
        self.biases = nn.ParameterList(torch.zeros(n_heads, 1, width) for width in widths[1:])
        self.direction = weight(bottleneck_dim, n_clusters)
        self.scale = nn.Parameter(torch.ones(n_heads, 1, n_clusters))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Computes the logits of every head.

        Args:
            features: [B, D], the same for all heads.

        Returns:
            [H, B, C], cosines times the learned scale of each cluster.
        """
        hidden = features.expand(self.n_heads, *features.shape)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if layer < last:
                hidden = F.gelu(hidden)
        classifier = F.normalize(self.direction, dim=1) * self.scale
        return torch.bmm(F.normalize(hidden, dim=-1), classifier)
