"""Linear classifiers of one learning rate each, trained at once in closed form."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ucls.preparation.columns import ColumnStatistics

INITIAL_STD = 0.01
NORMAL = 1e-30
"""Added to residuals, which are denormal where a classifier is sure: products with denormal numbers
take ten times as long."""
TRUST = 1e-3
"""Of LARS, as in the paper."""
TINY = 1e-8

Rows = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]


class Targets(NamedTuple):
    """What the classifiers shall say."""

    labels: torch.Tensor
    """int64 [N]."""
    weights: torch.Tensor
    """float32 [N], 1 on average over the training rows, so that learning rates keep their size."""

    def of(self, rows: Rows) -> "Targets":
        """Those of some rows."""
        index = torch.from_numpy(rows).to(self.labels.device)
        return Targets(self.labels[index], self.weights[index])


class ClassifierBank:
    """The classifiers of one feature set, one per learning rate, as one weight [D', R, C].

    Args:
        columns: the D' columns that they see.
        n_clusters: C.
        learning_rates: R of them.
        momentum: in [0, 1).
        lars: the weight decay of layer-wise rates (LARS: You et al. 2017, "Large batch training of
            convolutional networks"): the gradient of a weight is scaled to a thousandth of the
            weight's length. Biases are neither decayed nor scaled, as is usual. None for plain SGD.
        generator: of the initial weights, on the CPU.
        device: where they are trained.
    """

    def __init__(
        self,
        columns: slice,
        n_clusters: int,
        *,
        learning_rates: Sequence[float],
        momentum: float,
        lars: float | None = None,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        width, n_rates = columns.stop - columns.start, len(learning_rates)
        initial = torch.randn(width, n_rates, n_clusters, generator=generator) * INITIAL_STD
        self.columns, self.momentum, self.lars = columns, momentum, lars
        self.rates = torch.tensor(learning_rates, device=device).unsqueeze(-1)
        self.weight = initial.to(device)
        self.bias = torch.zeros(n_rates, n_clusters, device=device)
        self.velocity = (torch.zeros_like(self.weight), torch.zeros_like(self.bias))

    def logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """[B, W] to [B, R, C]."""
        features = tokens[:, self.columns]
        logits = features @ self.weight.flatten(1)
        return logits.view(len(tokens), *self.bias.shape) + self.bias

    def step(self, tokens: torch.Tensor, targets: Targets, relative_rate: float) -> None:
        """One step of SGD with momentum on the weighted cross-entropy, in closed form."""
        labels, weights = targets
        residual = self.logits(tokens).softmax(dim=-1)
        residual[torch.arange(len(labels), device=labels.device), :, labels] -= 1.0
        residual.mul_(weights[:, None, None] / len(labels)).add_(NORMAL)
        gradient = (tokens[:, self.columns].T @ residual.flatten(1)).view_as(self.weight)
        if self.lars is not None:
            gradient = self._adapted(gradient, self.lars)
        for parameter, velocity, slope in zip(
            (self.weight, self.bias), self.velocity, (gradient, residual.sum(dim=0)), strict=True
        ):
            velocity.mul_(self.momentum).add_(slope)
            parameter.sub_(velocity * (self.rates * relative_rate))

    def parts(self, statistics: ColumnStatistics) -> Iterator[tuple[Weights, Weights]]:
        """The weight [D', C] and the bias [C] of each classifier, for features not yet centred."""
        # Letters: d features, r learning rates, c clusters.
        of_centre = torch.einsum("d,drc->rc", statistics.centre[self.columns], self.weight)
        weight, bias = self.weight.cpu().numpy(), (self.bias - of_centre).cpu().numpy()
        for rate in range(len(bias)):
            yield np.ascontiguousarray(weight[:, rate]), bias[rate]

    def _adapted(self, gradient: torch.Tensor, decay: float) -> torch.Tensor:
        """The decayed gradient [D', R, C] of each classifier in proportion to its weight."""
        lengths, slopes = (
            torch.linalg.vector_norm(x, dim=(0, 2), keepdim=True) for x in (self.weight, gradient)
        )
        trust = TRUST * lengths / (slopes + decay * lengths + TINY)
        adapted: torch.Tensor = (gradient + decay * self.weight) * trust
        return adapted
