"""Self-Classifier end to end (Amrani et al., ECCV 2022).

Shapes: V views, B images, D width of the encoder, d of the embedding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ucls.backbones.encoder import Encoder
from ucls.errors import UsageError
from ucls.objectives.self_classifier import self_classifier_loss
from ucls.pretraining.neighbor_queue import NeighborQueue
from ucls.pretraining.precision import widened
from ucls.pretraining.protocol import Batch, Method, Task
from ucls.ranks import gather
from ucls.settings.config import required
from ucls.settings.pretraining_methods import SelfClassifierOptions

_DEVIATION = 0.02
"""Of the first weights, as in the public code."""


class SelfClassifier(Method):
    """An encoder, an MLP to embeddings of length 1, and linear classifiers of several sizes.

    Args:
        encoder: that is learned.
        sizes: clusters of each classifier; the first has C.
        options: of the method.
    """

    def __init__(
        self, encoder: Encoder, sizes: Sequence[int], options: SelfClassifierOptions
    ) -> None:
        super().__init__(encoder)
        self.sizes, self.options = list(sizes), options
        hidden, width = options.hidden_dim, options.bottleneck_dim
        self.projector = nn.Sequential(
            nn.Linear(encoder.width, hidden),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(inplace=True),
            nn.Linear(hidden, width),
        )
        for layer in self.projector:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=_DEVIATION, a=-2, b=2)
                nn.init.zeros_(layer.bias)
        self.classifiers = nn.ModuleList(_classifier(width, size, options) for size in sizes)
        self.queue = NeighborQueue(options.queue, width) if options.queue else None

    def embed(self, vectors: Tensor) -> Tensor:
        """Embeddings of length 1, [B, d], of the encoder's vectors [B, D]."""
        return F.normalize(self.projector(vectors), dim=1, eps=1e-7)

    def loss(self, batch: Batch) -> Tensor:
        """Eqs. 4-5, the mean over the classifiers, over the images of all ranks."""
        views = batch.views.pixels
        # Views of one size go through the encoder together; the MLP sees all views at once.
        vectors = torch.cat([self.encoder(torch.cat(same)) for same in by_size(views)])
        embeddings = self.embed(vectors).view(len(views), len(batch.rows), -1)
        if self.queue is not None:
            embeddings = self.queue.replace(embeddings, batch.rows)
        losses = []
        for classifier in self.classifiers:
            logits = widened(classifier(embeddings.flatten(0, 1))).view(*embeddings.shape[:2], -1)
            losses.append(
                self_classifier_loss(
                    gather(logits, dim=1).unsqueeze(1),
                    row_temperature=self.options.row_temperature,
                    column_temperature=self.options.column_temperature,
                )
            )
        return torch.cat(losses).mean()

    def check_batch(self, batch_size: int) -> None:
        """The softmax over images needs as many as the largest classifier has clusters."""
        super().check_batch(batch_size)
        if batch_size < max(self.sizes):
            raise UsageError(
                f"batches of {batch_size} images are smaller than the largest classifier, which "
                f"has {max(self.sizes)} clusters, so that some would get no image: take larger "
                "batches with --set batch_size=, or --set scales=[1]"
            )

    def clusters(self, vectors: Tensor) -> Tensor:
        """Logits of the first classifier."""
        logits: Tensor = self.classifiers[0](self.embed(vectors))
        return logits

    def watched(self, vectors: Tensor) -> Tensor:
        """The embeddings."""
        return self.embed(vectors)


def by_size(views: Sequence[Tensor]) -> list[list[Tensor]]:
    """Runs of neighbouring views that have the same size."""
    runs: list[list[Tensor]] = []
    for view in views:
        if runs and runs[-1][0].shape == view.shape:
            runs[-1].append(view)
        else:
            runs.append([view])
    return runs


def _classifier(width: int, size: int, options: SelfClassifierOptions) -> nn.Module:
    """A linear layer without bias, whose weights have length 1 at first."""
    layer: nn.Module = weight_norm(nn.Linear(width, size, bias=False))
    nn.init.ones_(layer.get_parameter("parametrizations.weight.original0"))
    layer.requires_grad_(options.learnable_classifier)
    return layer


def build(encoder: Encoder, options: SelfClassifierOptions, task: Task) -> SelfClassifier:
    """Builds the method with random weights."""
    n_clusters = required(task.n_clusters)
    sizes = [max(2, round(scale * n_clusters)) for scale in options.scales]
    return SelfClassifier(encoder, sizes, options)
