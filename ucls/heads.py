"""Many independent clustering heads as one batched network."""

import torch
from torch import nn
from torch.nn import functional as F

INITIAL_STD = 0.02


class MultiHead(nn.Module):
    """H MLP heads: D -> hidden -> hidden -> bottleneck -> L2-norm -> weight-normed linear C.

    TEMI's head (thesis 5.1.1), with GELU between the layers. All heads share their input and
    nothing else. The first layer of all heads is one product, and each further layer is one
    batched product.

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
        self.n_heads = n_heads

        def weight(*shape: int) -> nn.Parameter:
            values = torch.empty(*shape)
            return nn.Parameter(nn.init.trunc_normal_(values, std=INITIAL_STD, generator=generator))

        self.first_weight = weight(n_heads * hidden_dim, n_features)
        self.first_bias = nn.Parameter(torch.zeros(n_heads * hidden_dim))
        self.hidden_weight = weight(n_heads, hidden_dim, hidden_dim)
        self.hidden_bias = nn.Parameter(torch.zeros(n_heads, 1, hidden_dim))
        self.bottleneck_weight = weight(n_heads, hidden_dim, bottleneck_dim)
        self.bottleneck_bias = nn.Parameter(torch.zeros(n_heads, 1, bottleneck_dim))
        # TEMI's code starts the last layer at nearly twice this norm, so that an optimiser step
        # turns it half as far; on digits that cost the consensus nearly 2 points.
        self.direction = weight(n_heads, bottleneck_dim, n_clusters)
        self.scale = nn.Parameter(torch.ones(n_heads, 1, n_clusters))

    def forward(
        self, features: torch.Tensor, *, dtype: torch.dtype = torch.float32
    ) -> torch.Tensor:
        """Computes the logits of every head.

        Args:
            features: float32 [B, D], the same for all heads.
            dtype: of the products up to the bottleneck; the last layer is always float32,
                since its cosines are divided by a small temperature.

        Returns:
            float32 [H, B, C], cosines times the learned scale of each cluster.
        """
        hidden = F.linear(
            features.to(dtype), self.first_weight.to(dtype), self.first_bias.to(dtype)
        )
        # [B, H * hidden] to [H, B, hidden]
        hidden = hidden.view(len(features), self.n_heads, -1).transpose(0, 1).contiguous()
        hidden = torch.baddbmm(
            self.hidden_bias.to(dtype), F.gelu(hidden), self.hidden_weight.to(dtype)
        )
        embedding = torch.baddbmm(
            self.bottleneck_bias.to(dtype), F.gelu(hidden), self.bottleneck_weight.to(dtype)
        )
        classifier = F.normalize(self.direction, dim=1) * self.scale
        return torch.bmm(F.normalize(embedding.float(), dim=-1), classifier)

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
