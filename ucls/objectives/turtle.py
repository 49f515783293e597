"""TURTLE: the labelling that linear classifiers learn best (Gadetsky et al., ICML 2024).

Shapes: H heads, B images of a batch, C clusters, K feature spaces.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.layers import by_size
from ucls.heads.linear import LinearHeads
from ucls.heads.protocol import Heads
from ucls.objectives.building import Task, classifier_sizes, products_dtype
from ucls.objectives.entropy import entropy_of_mean
from ucls.objectives.protocol import Batch, Epoch, Objective, each_image_once
from ucls.optimizer import AdamW
from ucls.settings.config import TrainConfig, required


def soft_cross_entropy(log_probs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy to soft labels, averaged over the images.

    Args:
        log_probs: [H, B, C].
        labels: [H, B, C]; rows sum to 1.

    Returns:
        [H].
    """
    return -(labels * log_probs).sum(dim=-1).mean(dim=-1)


class InnerClassifiers:
    """Linear classifiers of one feature space, trained on given labels by Adam.

    They start anew for each step of the task encoder, from a draw (cold start).

    Args:
        n_heads: H.
        width: of the feature space.
        n_outputs: C.
        generator: of the initial weights, on the device.
    """

    def __init__(
        self, n_heads: int, width: int, n_outputs: int, *, generator: torch.Generator
    ) -> None:
        device, bound = generator.device, width**-0.5
        shape = (n_heads * n_outputs, width)
        self.n_heads = n_heads
        self.weight = torch.empty(shape, device=device).uniform_(-bound, bound, generator=generator)
        self.bias = torch.empty(shape[0], device=device).uniform_(
            -bound, bound, generator=generator
        )

    def log_probs(self, features: torch.Tensor) -> torch.Tensor:
        """Features [B, width] to log probabilities, float32 [H, B, C]."""
        return self._logits(features).transpose(0, 1).log_softmax(dim=-1)

    def fit(
        self, features: torch.Tensor, labels: torch.Tensor, *, n_steps: int, learning_rate: float
    ) -> None:
        """Takes some steps of Adam towards soft labels.

        Args:
            features: [B, width].
            labels: [H, B, C]; rows sum to 1.
            n_steps: of Adam.
            learning_rate: of Adam.
        """
        by_image = labels.transpose(0, 1).contiguous()
        adam = AdamW([self.weight, self.bias], learning_rate=learning_rate)
        with torch.no_grad():
            for _ in range(n_steps):
                self.weight.grad, self.bias.grad = self._gradients(features, by_image)
                adam.step()
        adam.zero_grad()

    def _gradients(
        self, features: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the cross-entropy to labels [B, H, C]: (softmax - label) / B for each logit."""
        slopes = self._logits(features).softmax(dim=-1).sub_(labels).div_(len(features))
        slopes = slopes.view(len(features), -1)
        weight = slopes.to(features.dtype).T @ features
        return weight.to(self.weight.dtype), slopes.sum(dim=0)

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        """Features [B, width] to logits [B, H, C]."""
        products = F.linear(features, self.weight.to(features.dtype)).to(self.bias.dtype)
        return products.add_(self.bias).view(len(features), self.n_heads, -1)


def turtle_loss(
    log_labels: Sequence[torch.Tensor],
    log_probs: Sequence[torch.Tensor],
    *,
    entropy_weight: float = 10.0,
) -> torch.Tensor:
    """How badly the inner classifiers predict the labels, minus the labels' entropy (eq. 12).

    Args:
        log_labels: of each feature space, K of [H, B, C]; the labels are their mean (eq. 9).
        log_probs: of each space's inner classifier, K of [H, B, C].
        entropy_weight: gamma.

    Returns:
        [H].
    """
    labels = torch.stack([part.exp() for part in log_labels]).mean(dim=0)
    errors = torch.stack([soft_cross_entropy(part, labels) for part in log_probs])
    entropies = torch.stack([entropy_of_mean(part) for part in log_labels])
    return (errors - entropy_weight * entropies).sum(dim=0)


class Turtle(nn.Module):
    """Task encoders that label so that linear classifiers of every feature space learn it.

    The gradient is first-order: the inner classifiers count as constants (eq. 13). They are
    fitted to the partner view and asked about the image itself.

    Args:
        heads: the task encoders.
        inner_steps: of the inner classifiers (M).
        inner_learning_rate: of their Adam.
        entropy_weight: gamma of eq. 12.
        dtype: of the matrix products.
    """

    n_partners = 1
    temperature = 1.0

    def __init__(
        self,
        heads: LinearHeads,
        *,
        inner_steps: int = 2,
        inner_learning_rate: float = 0.02,
        entropy_weight: float = 10.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.encoder = heads
        self.inner_steps, self.inner_learning_rate = inner_steps, inner_learning_rate
        self.entropy_weight, self.dtype = entropy_weight, dtype

    @property
    def heads(self) -> Heads:
        """The task encoders."""
        return cast("Heads", self.encoder)

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Each image once, int64 [N]."""
        return each_image_once(epoch)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [R]."""
        views = batch.views.to(self.dtype)
        by_space = self.encoder.by_space(views[0], dtype=self.dtype)
        losses = []
        for log_labels in zip(*(by_size(part, self.heads.sizes) for part in by_space), strict=True):
            labels = torch.stack([part.detach().exp() for part in log_labels]).mean(dim=0)
            log_probs = self._inner_log_probs(views, labels, batch.generator)
            losses.append(turtle_loss(log_labels, log_probs, entropy_weight=self.entropy_weight))
        return torch.cat(losses)

    def _inner_log_probs(
        self, views: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> list[torch.Tensor]:
        """What classifiers fitted to the partner view say of the image, [H, B, C] by space."""
        found = []
        for own, partner in zip(*map(self.encoder.split, views), strict=True):
            inner = InnerClassifiers(
                self.encoder.n_heads, own.shape[1], labels.shape[-1], generator=generator
            )
            inner.fit(
                partner,
                labels,
                n_steps=self.inner_steps,
                learning_rate=self.inner_learning_rate,
            )
            with torch.no_grad():
                found.append(inner.log_probs(own))
        return found

    def after_step(self) -> None:
        """Nothing to do."""

    def weights(self) -> list[nn.Parameter]:
        """The task encoders' weights."""
        return self.encoder.weights()

    def biases(self) -> list[nn.Parameter]:
        """The task encoders' biases."""
        return self.encoder.biases()


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds TURTLE on linear heads in every feature space."""
    heads = LinearHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        spaces=task.spaces,
        generator=torch.Generator().manual_seed(task.seed),
    )
    return Turtle(
        heads,
        inner_steps=required(config.inner_steps),
        inner_learning_rate=required(config.inner_learning_rate),
        entropy_weight=required(config.entropy_weight),
        dtype=products_dtype(config),
    )
