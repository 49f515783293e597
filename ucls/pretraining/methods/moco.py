"""MoCo v2 (Chen et al. 2020), with multi-crop as in the thesis, section 4.2.

Shapes: B images, D width of the encoder, d of the embedding, K keys of the queue.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ucls.backbones.encoder import Encoder
from ucls.batch_norm import split_batch_statistics
from ucls.errors import UsageError
from ucls.pretraining.followers import follow, follower_of
from ucls.pretraining.neighbor_queue import NeighborQueue
from ucls.pretraining.precision import in_full, widened
from ucls.pretraining.protocol import Batch, Method, Task
from ucls.ranks import gather, rank, world_size
from ucls.settings.pretraining_methods import MocoOptions

QUEUE_SHARE = 0.25
"""Of the images that the queue may hold: with more, their own keys of the epoch before would be
among those that images are to differ from."""


def info_nce(queries: Tensor, keys: Tensor, *, others: Tensor, temperature: float) -> Tensor:
    """InfoNCE, thesis eq. 3.3; the key of an image itself is a term of the sum, as in the code.

    Args:
        queries: of length 1, [B, d].
        keys: of the same images, of length 1, [B, d].
        others: keys of other images, [K, d].
        temperature: tau, > 0.

    Returns:
        [].
    """
    own = (queries * keys).sum(dim=1, keepdim=True)
    with in_full(queries):
        logits = torch.cat([own, queries @ others.T], dim=1) / temperature
    return (logits.logsumexp(dim=1) - logits[:, 0]).mean()


class Moco(Method):
    """An encoder with a projector, followed by those that make the keys.

    Args:
        encoder: that is learned.
        options: of the method.
        queue: K.
    """

    def __init__(self, encoder: Encoder, options: MocoOptions, *, queue: int) -> None:
        super().__init__(encoder)
        self.options = options
        if options.batch_norm_groups > 1:
            split_batch_statistics(encoder, options.batch_norm_groups // world_size())
        width = encoder.width
        self.projector = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, options.dim)
        )
        self.key_encoder = follower_of(encoder)
        self.key_projector = follower_of(self.projector)
        self.queue = NeighborQueue(queue, options.dim)
        self.queue.embeddings.copy_(F.normalize(torch.randn(queue, options.dim), dim=1))

    def loss(self, batch: Batch) -> Tensor:
        """Thesis eq. 3.3: the second view is the key of the first one and of local ones."""
        first, second, *local = batch.views.pixels
        others = self.queue.embeddings.clone()
        keys = self.keys(second)
        self.queue.push(keys, gather(batch.rows))
        n_own = len(batch.rows)
        own = keys[rank() * n_own : (rank() + 1) * n_own]
        losses = [
            info_nce(
                self.watched(self.encoder(view)),
                own,
                others=others,
                temperature=self.options.temperature,
            )
            for view in (first, *local)
        ]
        return torch.stack(losses).mean()

    @torch.no_grad()
    def keys(self, view: Tensor) -> Tensor:
        """Keys of the images of all ranks, [B, d], each computed beside others than its query.

        Batch norm would tell by its statistics which queries and keys belong together (He et al.
        2020, section 3.3).

        Args:
            view: of the images of this rank, [B / ranks, channels, H, W].
        """
        every = gather(view)
        order = torch.randperm(len(every)).to(view.device)  # seeded alike on all ranks
        own = every[order.view(world_size(), -1)[rank()]]
        keys = F.normalize(widened(self.key_projector(self.key_encoder(own))), dim=1)
        return gather(keys)[order.argsort()]

    def after_step(self) -> None:
        """Moves the keys' networks towards the queries'."""
        momentum = self.options.key_momentum
        follow(self.key_encoder, self.encoder, momentum=momentum)
        follow(self.key_projector, self.projector, momentum=momentum)

    def check_batch(self, batch_size: int) -> None:
        """Each group of batch norm needs two images."""
        super().check_batch(batch_size)
        n_groups = self.options.batch_norm_groups
        if batch_size < 2 * n_groups:
            raise UsageError(
                f"batches of {batch_size} images are too small for batch norm over {n_groups} "
                "groups, each of which needs two: take larger ones with --set batch_size=, or "
                "fewer groups with --set batch_norm_groups="
            )

    def watched(self, vectors: Tensor) -> Tensor:
        """The embeddings, of length 1."""
        return F.normalize(widened(self.projector(vectors)), dim=1)


def check_groups(options: MocoOptions) -> None:
    """Refuses groups of batch norm that do not fall to the processes evenly.

    Raises:
        UsageError: if they do not.
    """
    n_groups = options.batch_norm_groups
    if n_groups > 1 and n_groups % world_size():
        raise UsageError(
            f"{n_groups} groups of batch norm do not fall to {world_size()} processes evenly: take "
            "a multiple with --set batch_norm_groups="
        )


def queue_size(options: MocoOptions, task: Task) -> int:
    """K for so many images."""
    return min(options.queue, max(1, round(QUEUE_SHARE * task.n_images)))


def build(encoder: Encoder, options: MocoOptions, task: Task) -> Moco:
    """Builds the method with random weights.

    Raises:
        UsageError: if the groups of batch norm do not fall to the processes evenly.
    """
    check_groups(options)
    return Moco(encoder, options, queue=queue_size(options, task))
