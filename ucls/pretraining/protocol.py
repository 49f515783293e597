"""What the training asks of a method.

Shapes: N images, B of a batch, V views, D width of the encoder.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ucls.backbones.encoder import Encoder
from ucls.pretraining.views import Views


@dataclass(frozen=True)
class Task:
    """What is learned on.

    Attributes:
        n_images: N.
        n_clusters: C.
        seed: of what is random in the first weights.
    """

    n_images: int
    n_clusters: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """One step's images.

    Attributes:
        views: of them, normalised.
        rows: which they are, int64 [B], on the device.
    """

    views: Views
    rows: Tensor


class Method(nn.Module, ABC):
    """An encoder with what trains it.

    All that changes while it trains is a parameter or a buffer, so that its ``state_dict`` is its
    whole state.

    Args:
        encoder: that is learned.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor:
        """The loss of a batch, []."""

    def start_epoch(self, n_images: int, generator: torch.Generator) -> Tensor:
        """The images of an epoch in their order, int64 [M], on the CPU."""
        return torch.randperm(n_images, generator=generator)

    def finish_epoch(self) -> None:
        """What is to be done between two epochs."""

    def after_step(self) -> None:
        """What follows a step of the optimiser."""

    def check_batch(self, batch_size: int) -> None:
        """Refuses batches that are too small for the method.

        Raises:
            UsageError: if they are.
        """

    def clusters(self, vectors: Tensor) -> Tensor | None:
        """Logits of C clusters [B, C] of the encoder's vectors [B, D]; None if there are none."""
        return None

    def watched(self, vectors: Tensor) -> Tensor:
        """What must not become the same for all images, [B, d]."""
        return vectors
