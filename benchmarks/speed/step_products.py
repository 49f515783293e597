"""The bare matrix products of one training step, with the very shapes of the step."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch

from benchmarks.speed.size import Size
from ucls.config import TrainConfig, required

Products = list[Callable[[], object]]


class Layers:
    """Forward and backward products of the layers of all heads.

    Args:
        widths: of the layers, input first.
        n_heads: H.
        own_inputs: whether each head sees images of its own in the first layer.
        dtype: of the products.
        device: where they are taken.
    """

    def __init__(
        self,
        *widths: int,
        n_heads: int,
        dtype: torch.dtype,
        device: torch.device,
        own_inputs: bool = False,
    ) -> None:
        self.pairs, self.n_heads, self.own_inputs = list(pairwise(widths)), n_heads, own_inputs
        self.dtype, self.device = dtype, device

    def forward(self, n_rows: int) -> Products:
        """The products of a forward pass of some images."""
        return self.forward_and_backward(n_rows, trained=False)

    def forward_and_backward(
        self, n_rows: int, *, features: bool = True, trained: bool = True
    ) -> Products:
        """The products of a forward and a backward pass.

        Args:
            n_rows: images.
            features: whether the first layer's inputs are features, which need no gradient.
            trained: whether there is a backward pass at all.
        """
        products: Products = []
        for layer, (fan_in, fan_out) in enumerate(self.pairs):
            shared = layer == 0 and features and not self.own_inputs
            # What all heads share is one product, as in the heads themselves.
            groups, out = (1, self.n_heads * fan_out) if shared else (self.n_heads, fan_out)
            inputs, weight = self._random(groups, n_rows, fan_in), self._random(groups, fan_in, out)
            slope = self._random(groups, n_rows, out)
            products.append(partial(torch.bmm, inputs, weight))
            if trained:
                products.append(partial(torch.bmm, inputs.transpose(1, 2), slope))
            if trained and (layer > 0 or not features):
                products.append(partial(torch.bmm, slope, weight.transpose(1, 2)))
        return products

    def contrast(self, n_clusters: int, n_rows: int) -> Products:
        """The products between the cluster assignments of two views, forth and back, float32."""
        probs = torch.randn(self.n_heads, n_rows, n_clusters, device=self.device)
        alike = torch.randn(self.n_heads, n_clusters, n_clusters, device=self.device)
        return [
            partial(torch.bmm, probs.transpose(1, 2), probs),
            partial(torch.bmm, probs, alike),
            partial(torch.bmm, probs, alike.transpose(1, 2)),
        ]

    def _random(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, device=self.device).to(self.dtype)


def step_products(
    config: TrainConfig, size: Size, *, n_partners: int, device: torch.device
) -> Products:
    """All products of a step.

    Args:
        config: of the training, all fields of its objective set.
        size: C and D.
        n_partners: views that the teacher sees beside the image itself.
        device: where they are taken.
    """
    clusters = [round(scale * size.n_clusters) for scale in config.scales or (1,)]
    batch, outputs = required(config.batch_size), sum(clusters)

    def layers(*widths: int, own_inputs: bool = False) -> Layers:
        return Layers(
            *widths,
            n_heads=required(config.n_heads),
            dtype=torch.bfloat16 if config.precision == "bfloat16" else torch.float32,
            device=device,
            own_inputs=own_inputs,
        )

    if config.objective == "turtle":
        linear = layers(size.n_features, outputs)
        inner_steps = config.inner_steps or 0
        return linear.forward_and_backward(batch) * (1 + inner_steps) + linear.forward(batch)
    hidden, bottleneck = required(config.hidden_dim), required(config.bottleneck_dim)
    if config.objective == "self-classifier":
        projection = layers(size.n_features, hidden, bottleneck, outputs)
        return projection.forward_and_backward(batch * (1 + n_partners))
    to_bottleneck = (size.n_features, hidden, hidden, bottleneck)
    if config.objective == "uic":
        return layers(*to_bottleneck, outputs, own_inputs=True).forward_and_backward(batch)
    if config.objective == "c2bin":
        perceptron = layers(bottleneck, bottleneck, bottleneck)
        return [
            *layers(*to_bottleneck, outputs).forward_and_backward(2 * batch),
            *layers(*to_bottleneck).forward(batch),
            *perceptron.forward_and_backward(batch, features=False) * 2,
            *perceptron.forward(batch),
            *(one for n_clusters in clusters for one in perceptron.contrast(n_clusters, batch)),
        ]
    n_student_views = 2 if config.symmetric or config.objective == "scan" else 1
    return [
        *layers(*to_bottleneck, outputs).forward(batch * (1 + n_partners)),
        *layers(*to_bottleneck, outputs).forward_and_backward(batch * n_student_views),
    ]
