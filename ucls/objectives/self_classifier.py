"""Self-Classifier's loss (Amrani et al., ECCV 2022).

Shapes: V views, H heads, B images, C clusters.
"""

import math
from itertools import permutations
from typing import cast

import torch
from torch import nn

from ucls.heads.layers import by_size
from ucls.heads.projection import ProjectionHeads
from ucls.heads.protocol import Heads
from ucls.objectives.building import Task, classifier_sizes, products_dtype
from ucls.objectives.protocol import Batch, Epoch, Objective, by_view, each_image_once
from ucls.settings.config import TrainConfig, required


def target(logits: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """P(y|x) under a uniform prior on y (eq. 2): the softmax over images, by row to sum 1.

    Args:
        logits: [..., B, C].
        temperature: of the softmax over images (tau_col), > 0.

    Returns:
        [..., B, C]; rows sum to 1.
    """
    scaled = logits / temperature
    return (scaled - scaled.logsumexp(dim=-2, keepdim=True)).softmax(dim=-1)


def log_prediction(logits: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """The logarithm of (N / C) p(y|x) / sum_x p(y|x) (eqs. 3-4).

    The softmax over clusters, by column to sum N / C.

    Args:
        logits: [..., B, C].
        temperature: of the softmax over clusters (tau_row), > 0.

    Returns:
        [..., B, C].
    """
    n_images, n_clusters = logits.shape[-2:]
    by_row = (logits / temperature).log_softmax(dim=-1)
    return by_row - (by_row.logsumexp(dim=-2, keepdim=True) - math.log(n_images / n_clusters))


def view_pairs(n_views: int, n_global: int) -> list[tuple[int, int]]:
    """Ordered pairs of different views, without those of two local ones."""
    return [pair for pair in permutations(range(n_views), 2) if min(pair) < n_global]


def self_classifier_loss(
    logits: torch.Tensor,
    *,
    row_temperature: float = 0.1,
    column_temperature: float = 0.05,
    n_global: int = 2,
) -> torch.Tensor:
    """Eqs. 4-5 over all pairs of views but those of two local ones.

    Taken in log space, so it is the paper's for any logits. The public code adds an eps (1e-8) to
    each prediction before its logarithm, and divides by no sum below it: it is the same while no
    probability is under eps, and costs less beyond.

    Args:
        logits: [V, H, B, C].
        row_temperature: of the softmax over clusters, > 0.
        column_temperature: of the softmax over images, > 0.
        n_global: the first views, which are global.

    Returns:
        [H].
    """
    targets = target(logits, temperature=column_temperature)
    predictions = log_prediction(logits, temperature=row_temperature)
    # h heads, b images, c clusters
    terms = [
        -torch.einsum("hbc,hbc->h", targets[t], predictions[p])
        for t, p in view_pairs(len(logits), n_global)
    ]
    return torch.stack(terms).mean(dim=0) / logits.shape[-2]


class SelfClassifier(nn.Module):
    """One network, no teacher; the views are the image and its partners.

    Args:
        heads: with classifiers of one or several sizes.
        n_views: views of each image, itself included; the first two are global.
        row_temperature: of the softmax over clusters.
        column_temperature: of the softmax over images.
        dtype: of the matrix products.
    """

    def __init__(
        self,
        heads: Heads,
        *,
        n_views: int = 2,
        row_temperature: float = 0.1,
        column_temperature: float = 0.05,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.network = cast("nn.Module", heads)
        self.n_partners = n_views - 1
        self.temperature, self.column_temperature = row_temperature, column_temperature
        self.dtype = dtype

    @property
    def heads(self) -> Heads:
        """The network."""
        return cast("Heads", self.network)

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Each image once, int64 [N]."""
        return each_image_once(epoch)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [R]."""
        logits = self.network(batch.views.flatten(0, 1), dtype=self.dtype)
        return torch.cat(
            [
                self_classifier_loss(
                    part,
                    row_temperature=self.temperature,
                    column_temperature=self.column_temperature,
                )
                for part in by_size(by_view(logits, len(batch.views)), self.heads.sizes)
            ]
        )

    def after_step(self) -> None:
        """Nothing to do."""

    def weights(self) -> list[nn.Parameter]:
        """The network's weights."""
        return self.heads.weights()

    def biases(self) -> list[nn.Parameter]:
        """The network's biases."""
        return self.heads.biases()


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds Self-Classifier on its own projection heads."""
    heads = ProjectionHeads(
        required(config.n_heads),
        task.n_features,
        classifier_sizes(config, task.n_clusters),
        hidden_dim=required(config.hidden_dim),
        bottleneck_dim=required(config.bottleneck_dim),
        learnable_classifier=required(config.learnable_classifier),
        generator=torch.Generator().manual_seed(task.seed),
    )
    return SelfClassifier(
        heads,
        n_views=required(config.n_views),
        row_temperature=required(config.student_temperature),
        column_temperature=required(config.column_temperature),
        dtype=products_dtype(config),
    )
