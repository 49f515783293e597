"""C2BIN: contrasting clusters while bootstrapping instances, end to end.

Shapes: B images, D width of the encoder, K clusters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ucls.backbones.encoder import Encoder
from ucls.objectives.c2bin import alignment_loss, cluster_loss
from ucls.pretraining.followers import follow, follower_of
from ucls.pretraining.precision import in_full, widened
from ucls.pretraining.protocol import Batch, Method, Task
from ucls.ranks import gather
from ucls.settings.config import required
from ucls.settings.pretraining_methods import C2BinOptions


class C2Bin(Method):
    """A runner that predicts its follower, and linear cluster predictors of several sizes.

    Args:
        encoder: of the runner, that is learned.
        sizes: clusters of each predictor; the first has C.
        options: of the method.
    """

    def __init__(self, encoder: Encoder, sizes: Sequence[int], options: C2BinOptions) -> None:
        super().__init__(encoder)
        self.options = options
        hidden, width = options.hidden_dim, options.projection_dim
        self.projector = _perceptron(encoder.width, hidden, width)
        self.predictor = _perceptron(width, hidden, width)
        self.classifiers = nn.ModuleList(nn.Linear(encoder.width, size) for size in sizes)
        self.follower = follower_of(encoder)
        self.follower_projector = follower_of(self.projector)

    def loss(self, batch: Batch) -> Tensor:
        """Eq. 7: the first view, and local ones, beside the second."""
        vectors = [self.encoder(view) for view in batch.views.pixels]
        with torch.no_grad():
            target = widened(self.follower_projector(self.follower(batch.views.pixels[1])))
        others = [vectors[0], *vectors[2:]]
        aligned = [
            alignment_loss(widened(self.predictor(self.projector(one))), target) for one in others
        ]
        contrasts = [
            self._contrast(classifier, one, vectors[1])
            for one in others
            for classifier in self.classifiers
        ]
        clustered = torch.cat(contrasts).sum() / len(others)
        return torch.stack(aligned).mean() + self.options.cluster_weight * clustered

    def _contrast(self, classifier: nn.Module, one: Tensor, other: Tensor) -> Tensor:
        """Eq. 5 of one predictor, over the images of all ranks, [1].

        The entropy of masses as they are is B times that of their shares, but for a constant. With
        the shares' alone two clusters took all of Fashion-MNIST.
        """
        memberships, others = (
            gather(widened(classifier(vectors)).softmax(dim=1)).unsqueeze(0)
            for vectors in (one, other)
        )
        with in_full(memberships):
            return cluster_loss(
                memberships,
                others,
                temperature=self.options.temperature,
                entropy_weight=self.options.entropy_weight * memberships.shape[1],
            )

    def after_step(self) -> None:
        """Eq. 8: moves the follower towards the runner."""
        momentum = self.options.follower_momentum
        follow(self.follower, self.encoder, momentum=momentum)
        follow(self.follower_projector, self.projector, momentum=momentum)

    def clusters(self, vectors: Tensor) -> Tensor:
        """Logits of the first predictor."""
        logits: Tensor = self.classifiers[0](vectors)
        return logits

    def watched(self, vectors: Tensor) -> Tensor:
        """What aligns with the follower."""
        embeddings: Tensor = self.projector(vectors)
        return embeddings


def _perceptron(width: int, hidden: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, out))


def build(encoder: Encoder, options: C2BinOptions, task: Task) -> C2Bin:
    """Builds the method with random weights."""
    n_clusters = required(task.n_clusters)
    sizes = [max(2, round(scale * n_clusters)) for scale in options.scales]
    return C2Bin(encoder, sizes, options)
