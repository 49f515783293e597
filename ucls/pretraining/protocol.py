"""What the training asks of a method.

Shapes: N images, B of a batch, V views, D width of the encoder.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ucls.backbones.encoder import Encoder
from ucls.errors import UsageError
from ucls.pretraining.views import Views


@dataclass(frozen=True)
class Task:
    """What is learned on.

    Attributes:
        n_images: N.
        n_epochs: how often they are seen.
        n_clusters: C; None for a method without clusters.
        read_masks: reads the masks of all images, uint8 [N, S, S], given S; of images that cannot
            be read they are empty. None for a method without masks.
    """

    n_images: int
    n_epochs: int
    n_clusters: int | None = None
    read_masks: Callable[[int], NDArray[np.uint8]] | None = None


@dataclass(frozen=True)
class Epoch:
    """What a method may know before an epoch.

    Attributes:
        number: from 0.
        rows: the images that can be read, int64 [M], on the CPU.
        generator: of all draws, on the CPU.
        predict: names the clusters of these images as they are, int64 [M], on the CPU.
    """

    number: int
    rows: Tensor
    generator: torch.Generator
    predict: Callable[[], Tensor]


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

    def start_epoch(self, epoch: Epoch) -> Tensor:
        """The images of an epoch in their order, int64 [M], on the CPU.

        A training that goes on amid an epoch asks once more, and must be given the same.
        """
        return epoch.rows[torch.randperm(len(epoch.rows), generator=epoch.generator)]

    def finish_epoch(self) -> None:
        """What is to be done between two epochs."""

    def after_step(self) -> None:
        """What follows a step of the optimiser."""

    def steady_parameters(self) -> list[nn.Parameter]:
        """Those whose rate stays the highest."""
        return []

    def check_batch(self, batch_size: int) -> None:
        """Refuses batches that are too small for the method.

        Raises:
            UsageError: if they are.
        """
        if batch_size < 2:
            raise UsageError(
                "batch norm needs two images at least in each part of a batch: take larger "
                "batches with --set batch_size=, or fewer parts with --set accumulation="
            )

    def clusters(self, vectors: Tensor) -> Tensor | None:
        """Logits of C clusters [B, C] of the encoder's vectors [B, D]; None if there are none."""
        return None

    def watched(self, vectors: Tensor) -> Tensor:
        """What must not become the same for all images, [B, d]."""
        return vectors
