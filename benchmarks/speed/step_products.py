"""The bare matrix products of one training step, with the very shapes of the step."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch

from benchmarks.speed.measurement import Size

Products = list[Callable[[], object]]


def step_products(config: Any, size: Size, *, n_partners: int, device: torch.device) -> Products:
    """All products of a step; the teacher sees so many views beside the image itself."""
    dtype = torch.bfloat16 if config.precision == "bfloat16" else torch.float32

    def make(*shape: int) -> torch.Tensor:
        return torch.randn(shape, device=device).to(dtype)

    layers = partial(layer_products, make, config.n_heads)
    clusters = [round(scale * size.n_clusters) for scale in config.scales or (1,)]
    batch, outputs = config.batch_size, sum(clusters)
    all_of_them = config.components in (None, "all")
    first = size.n_features if all_of_them else min(config.components, size.n_features)
    if config.objective == "turtle":
        trained = layers((first, outputs), batch) * (1 + (config.inner_steps or 0))
        return trained + layers((first, outputs), batch, trained=False)
    hidden, bottleneck = config.hidden_dim, config.bottleneck_dim
    if config.objective == "self-classifier":
        return layers((first, hidden, bottleneck, outputs), batch * (1 + n_partners))
    to_bottleneck = (first, hidden, hidden, bottleneck)
    head = (*to_bottleneck, outputs)
    if config.objective == "uic":
        return layers(head, batch, own_inputs=True)
    if config.objective == "c2bin":
        perceptron = (bottleneck, bottleneck, bottleneck)
        return [
            *layers(head, 2 * batch),
            *layers(to_bottleneck, batch, trained=False),
            *layers(perceptron, batch, features=False) * 2,
            *layers(perceptron, batch, trained=False),
            *(one for n in clusters for one in contrast(config.n_heads, n, batch, device)),
        ]
    n_student_views = 2 if config.symmetric or config.objective == "scan" else 1
    return [
        *layers(head, batch * (1 + n_partners), trained=False),
        *layers(head, batch * n_student_views),
    ]


def layer_products(
    make: Callable[..., torch.Tensor], n_heads: int, widths: Sequence[int], n_rows: int, *,
    trained: bool = True, features: bool = True, own_inputs: bool = False,
) -> Products:  # fmt: skip
    """The products of the layers of all heads, ahead and, if they are trained, back.

    Inputs that are features need no gradient, and are shared by all heads but for ``own_inputs``.
    """
    products: Products = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
        shared = layer == 0 and features and not own_inputs
        # What all heads share is one product, as in the heads themselves.
        groups, out = (1, n_heads * fan_out) if shared else (n_heads, fan_out)
        inputs, weight = make(groups, n_rows, fan_in), make(groups, fan_in, out)
        slope = make(groups, n_rows, out)
        products.append(partial(torch.bmm, inputs, weight))
        if trained:
            products.append(partial(torch.bmm, inputs.transpose(1, 2), slope))
        if trained and (layer > 0 or not features):
            products.append(partial(torch.bmm, slope, weight.transpose(1, 2)))
    return products


def contrast(n_heads: int, n_clusters: int, n_rows: int, device: torch.device) -> Products:
    """The products between the cluster assignments of two views, forth and back, float32."""
    probs = torch.randn(n_heads, n_rows, n_clusters, device=device)
    alike = torch.randn(n_heads, n_clusters, n_clusters, device=device)
    return [
        partial(torch.bmm, probs.transpose(1, 2), probs),
        partial(torch.bmm, probs, alike),
        partial(torch.bmm, probs, alike.transpose(1, 2)),
    ]
