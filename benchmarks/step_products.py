"""The bare matrix products of one training step, with the very shapes of the step."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch

Products = list[Callable[[], object]]


class Size(NamedTuple):
    """The size of a step."""

    n_heads: int
    n_features: int
    n_clusters: int
    batch_size: int
    hidden_dim: int
    bottleneck_dim: int


class Layers:
    """Forward and backward products of the layers of all heads.

    Args:
        size: of the step.
        widths: of the layers, input first.
        own_inputs: whether each head sees images of its own in the first layer.
        dtype: of the products.
        device: where they are taken.
    """

    def __init__(
        self,
        size: Size,
        widths: Sequence[int],
        *,
        own_inputs: bool,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        self.size, self.pairs, self.own_inputs = size, list(pairwise(widths)), own_inputs
        self.dtype, self.device = dtype, device

    def _random(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, device=self.device).to(self.dtype)

    def forward(self, n_rows: int) -> Products:
        """The products of a forward pass."""
        return self._passes(n_rows, trained=False)

    def forward_and_backward(self, n_rows: int, *, features: bool = True) -> Products:
        """The products of a forward and a backward pass.

        Args:
            n_rows: images.
            features: whether the first layer's inputs are features, which need no gradient.
        """
        return self._passes(n_rows, trained=True, features=features)

    def _passes(self, n_rows: int, *, trained: bool, features: bool = True) -> Products:
        products: Products = []
        n_heads = self.size.n_heads
        for layer, (fan_in, fan_out) in enumerate(self.pairs):
            shared = layer == 0 and features and not self.own_inputs
            # What all heads share is one product, as in the heads themselves.
            groups, out = (1, n_heads * fan_out) if shared else (n_heads, fan_out)
            x, w = self._random(groups, n_rows, fan_in), self._random(groups, fan_in, out)
            slope = self._random(groups, n_rows, out)
            products.append(lambda x=x, w=w: torch.bmm(x, w))
            if trained:
                products.append(lambda x=x, slope=slope: torch.bmm(x.transpose(1, 2), slope))
            if trained and (layer > 0 or not features):
                products.append(lambda w=w, slope=slope: torch.bmm(slope, w.transpose(1, 2)))
        return products

    def contrast(self, n_clusters: int, n_rows: int) -> Products:
        """The products between the cluster assignments of two views, forth and back."""
        p = torch.randn(self.size.n_heads, n_rows, n_clusters, device=self.device)
        s = torch.randn(self.size.n_heads, n_clusters, n_clusters, device=self.device)
        return [
            lambda: torch.bmm(p.transpose(1, 2), p),
            lambda: torch.bmm(p, s),
            lambda: torch.bmm(p, s.transpose(1, 2)),
        ]


def step_products(
    objective: str,
    size: Size,
    *,
    scales: Sequence[float],
    n_partners: int,
    n_student_views: int,
    inner_steps: int,
    dtype: torch.dtype,
    device: str,
) -> Products:
    """All products of a step of an objective."""
    sizes = [round(scale * size.n_clusters) for scale in scales]
    batch, outputs = size.batch_size, sum(sizes)
    hidden, bottleneck = size.hidden_dim, size.bottleneck_dim

    def layers(*widths: int, own_inputs: bool = False) -> Layers:
        return Layers(size, widths, own_inputs=own_inputs, dtype=dtype, device=device)

    mlp = (size.n_features, hidden, hidden, bottleneck, outputs)
    if objective == "self-classifier":
        projection = layers(size.n_features, hidden, bottleneck, outputs)
        return projection.forward_and_backward(batch * (1 + n_partners))
    if objective == "uic":
        return layers(*mlp, own_inputs=True).forward_and_backward(batch)
    if objective == "c2bin":
        perceptron = layers(bottleneck, bottleneck, bottleneck)
        return [
            *layers(*mlp).forward_and_backward(2 * batch),
            *layers(*mlp[:-1]).forward(batch),
            *perceptron.forward_and_backward(batch, features=False) * 2,
            *perceptron.forward(batch),
            *(p for n in sizes for p in perceptron.contrast(n, batch)),
        ]
    if objective == "turtle":
        linear = layers(size.n_features, outputs)
        return [
            *linear.forward_and_backward(batch) * (1 + inner_steps),
            *linear.forward(batch),
        ]
    return [
        *layers(*mlp).forward(batch * (1 + n_partners)),
        *layers(*mlp).forward_and_backward(batch * n_student_views),
    ]
