"""UIC: a network classified by what it made of other views in the epoch before, end to end.

Shapes: N images, M that can be read, B of a batch, C clusters.
"""

import torch
from torch import Tensor, nn

from ucls.backbones.encoder import Encoder
from ucls.errors import UsageError
from ucls.objectives.uic import class_balanced_order, pseudo_label_loss, refill_empty
from ucls.pretraining.precision import widened
from ucls.pretraining.protocol import Batch, Epoch, Method, Task
from ucls.ranks import gather
from ucls.settings.config import required
from ucls.settings.pretraining_methods import UicOptions


class Uic(Method):
    """An encoder with a linear classifier, whose forward pass labels images for the next epoch.

    The network as it is labels all images before the first epoch, and before the last ones, in
    which labels stay.

    Args:
        encoder: that is learned.
        options: of the method.
        task: N images, C clusters.
    """

    labels: Tensor
    next_labels: Tensor
    is_labelled: Tensor
    is_fixed: Tensor

    def __init__(self, encoder: Encoder, options: UicOptions, task: Task) -> None:
        super().__init__(encoder)
        self.n_clusters = required(task.n_clusters)
        self.first_fixed = task.n_epochs - options.fixed_epochs
        encoder.set_dropout(options.dropout)
        self.dropout = nn.Dropout(options.dropout)
        self.classifier = nn.Linear(encoder.width, self.n_clusters)
        self.register_buffer("labels", torch.zeros(task.n_images, dtype=torch.int64))
        self.register_buffer("next_labels", torch.zeros(task.n_images, dtype=torch.int64))
        self.register_buffer("is_labelled", torch.tensor(False))
        self.register_buffer("is_fixed", torch.tensor(False))

    def start_epoch(self, epoch: Epoch) -> Tensor:
        """Draws images, all clusters equally often (section 4.2), int64 [M]."""
        is_last_phase = epoch.number >= self.first_fixed
        rows = epoch.rows.to(self.labels.device)
        if not self.is_labelled or (is_last_phase and not self.is_fixed):
            self.labels[rows] = epoch.predict().to(self.labels)
            self.next_labels.copy_(self.labels)
            self.is_labelled.fill_(True)
            self.is_fixed.fill_(is_last_phase)
        # Labels without empty clusters need no draws, as those of an epoch that goes on.
        refilling, order = (
            torch.Generator().manual_seed(seed)
            for seed in torch.randint(2**62, (2,), generator=epoch.generator).tolist()
        )
        before = self.labels[rows].cpu()
        labels = refill_empty(before, self.n_clusters, refilling)
        self.labels[rows] = labels.to(self.labels)
        moved = rows[(labels != before).to(rows.device)]
        self.next_labels[moved] = self.labels[moved]
        return epoch.rows[class_balanced_order(labels, self.n_clusters, order)]

    def loss(self, batch: Batch) -> Tensor:
        """Eq. 6; the first view labels the images for the next epoch (eq. 5)."""
        views = batch.views.pixels
        logits = torch.stack([widened(self._classify(self.encoder(view))) for view in views])
        if not self.is_fixed:
            # An image may be drawn twice; the largest label is a choice that any device makes.
            self.next_labels.scatter_reduce_(
                0,
                gather(batch.rows),
                gather(logits[0].detach().argmax(dim=1)),
                reduce="amax",
                include_self=False,
            )
        labels = self.labels[batch.rows].expand(len(views), -1)
        return pseudo_label_loss(logits, labels).mean()

    def finish_epoch(self) -> None:
        """Takes the labels that were found."""
        self.labels.copy_(self.next_labels)

    def clusters(self, vectors: Tensor) -> Tensor:
        """Logits of the classifier."""
        return self._classify(vectors)

    def _classify(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(vectors))
        return logits


def build(encoder: Encoder, options: UicOptions, task: Task) -> Uic:
    """Builds the method with random weights.

    Raises:
        UsageError: if there are fewer images than clusters, or no epoch finds labels.
    """
    if task.n_images < required(task.n_clusters):
        raise UsageError(
            f"{task.n_images} images cannot fill {task.n_clusters} clusters: ask for fewer with -k"
        )
    if options.fixed_epochs >= task.n_epochs:
        raise UsageError(
            f"labels would be fixed in {options.fixed_epochs} of {task.n_epochs} epochs, before "
            "any are learned: take more epochs, or fewer with --set fixed_epochs="
        )
    return Uic(encoder, options, task)
