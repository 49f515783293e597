"""Unsupervised Image Classification (UIC): classify by the pseudo-labels of the epoch before.

Shapes: H heads, N images, B images of a batch, C clusters.
"""

from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from ucls.heads.protocol import Heads
from ucls.objectives.building import Task, mlp_heads, products_dtype
from ucls.objectives.protocol import Batch, Epoch, Objective
from ucls.settings.config import TrainConfig, required


def pseudo_label_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy to given labels, UIC's eq. 6.

    Args:
        logits: [H, B, C], divided by the temperature.
        labels: int64 [H, B].

    Returns:
        [H].
    """
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none").mean(dim=-1)


def refill_empty(labels: torch.Tensor, n_clusters: int, generator: torch.Generator) -> torch.Tensor:
    """Gives each empty cluster a random half of the largest one (UIC 4.2).

    Args:
        labels: int64 [N], of one head.
        n_clusters: C.
        generator: of the halves, on the same device.

    Returns:
        int64 [N]; no cluster is empty as long as N >= C.
    """
    labels = labels.clone()
    sizes = torch.bincount(labels, minlength=n_clusters)
    for empty in torch.nonzero(sizes == 0).flatten().tolist():
        largest = int(sizes.argmax())
        members = torch.nonzero(labels == largest).flatten()
        order = torch.randperm(len(members), generator=generator, device=labels.device)
        moved = members[order[: len(members) // 2]]
        labels[moved] = empty
        sizes[empty], sizes[largest] = len(moved), len(members) - len(moved)
    return labels


def class_balanced_order(
    labels: torch.Tensor, n_clusters: int, generator: torch.Generator
) -> torch.Tensor:
    """As many draws as images, every cluster equally often (UIC 4.2).

    As in DeepCluster, which UIC follows, no image of a cluster is drawn again before all are.

    Args:
        labels: int64 [N], of one head; no cluster may be empty.
        n_clusters: C.
        generator: of the draws, on the same device.

    Returns:
        int64 [N]: images, those of small clusters several times.
    """
    n_images, device = len(labels), labels.device
    shuffled = torch.randperm(n_images, generator=generator, device=device)
    by_cluster = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = torch.bincount(labels, minlength=n_clusters)
    starts = sizes.cumsum(0) - sizes
    # Whole rounds through the clusters in random order, so that their counts differ by one.
    n_rounds = -(-n_images // n_clusters)
    order = torch.rand(n_rounds, n_clusters, generator=generator, device=device).argsort(dim=1)
    clusters = order.flatten()[:n_images]
    rounds = torch.arange(n_images, device=device) // n_clusters
    return by_cluster[starts[clusters] + rounds % sizes[clusters]]


class Uic(nn.Module):
    """Each head classifies a view by what it made of another view in the epoch before.

    The forward pass that trains on a view also labels the image for the next epoch, so labels
    cost nothing. In the last epochs all images are labelled plainly once, and labels stay.

    Args:
        heads: with classifiers of one size.
        n_images: N.
        temperature: of the softmax, > 0.
        fixed_share: share of the epochs, at the end, in which labels are fixed.
        dtype: of the matrix products.
    """

    n_partners = 1
    labels: torch.Tensor
    next_labels: torch.Tensor
    is_labelled: torch.Tensor
    is_fixed: torch.Tensor

    def __init__(
        self,
        heads: Heads,
        n_images: int,
        *,
        temperature: float = 0.1,
        fixed_share: float = 0.1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.network = cast("nn.Module", heads)
        self.temperature, self.fixed_share, self.dtype = temperature, fixed_share, dtype
        labels = torch.zeros(heads.n_heads, n_images, dtype=torch.int32)
        self.register_buffer("labels", labels)
        self.register_buffer("next_labels", labels.clone())
        self.register_buffer("is_labelled", torch.tensor(False))
        self.register_buffer("is_fixed", torch.tensor(False))

    @property
    def heads(self) -> Heads:
        """The network."""
        return cast("Heads", self.network)

    @property
    def n_clusters(self) -> int:
        """C."""
        return self.heads.sizes[0]

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Draws images for each head, its clusters equally often, int64 [H, N]."""
        is_last_phase = epoch.progress >= 1.0 - self.fixed_share
        if not self.is_labelled or (is_last_phase and not self.is_fixed):
            self.next_labels.copy_(epoch.predict())
            self.is_labelled.fill_(True)
            self.is_fixed.fill_(is_last_phase)
        orders = []
        for head, labels in enumerate(self.next_labels.long()):
            full = refill_empty(labels, self.n_clusters, epoch.generator)
            orders.append(class_balanced_order(full, self.n_clusters, epoch.generator))
            self.labels[head] = full
        self.next_labels.copy_(self.labels)
        return torch.stack(orders)

    def forward(self, batch: Batch) -> torch.Tensor:
        """The loss of each head, [H]."""
        logits = self.network(batch.views[1], dtype=self.dtype) / self.temperature
        labels = self.labels.gather(1, batch.rows).long()
        if not self.is_fixed:
            with torch.no_grad():
                # An image may be drawn twice; the largest label is a choice that any device makes.
                found = logits.argmax(dim=-1).int()
                self.next_labels.scatter_reduce_(
                    1, batch.rows, found, reduce="amax", include_self=False
                )
        return pseudo_label_loss(logits, labels)

    def after_step(self) -> None:
        """Nothing to do."""

    def weights(self) -> list[nn.Parameter]:
        """The network's weights."""
        return self.heads.weights()

    def biases(self) -> list[nn.Parameter]:
        """The network's biases."""
        return self.heads.biases()


def build(config: TrainConfig, task: Task) -> Objective:
    """Builds UIC."""
    return Uic(
        mlp_heads(config, task),
        task.n_images,
        temperature=required(config.student_temperature),
        fixed_share=required(config.fixed_share),
        dtype=products_dtype(config),
    )
