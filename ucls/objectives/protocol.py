"""What the trainer knows of a method."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn

from ucls.heads.protocol import Heads


class Batch(NamedTuple):
    """What a step works on."""

    rows: torch.Tensor
    """The images, int64 [B]; [H, B] where each head has its own."""
    views: torch.Tensor
    """Their normalised features, [1 + n_partners, B, D] or [1 + n_partners, H, B, D]; view 0 is
    the image itself, the others are its partners."""
    progress: float | torch.Tensor
    """Share of the training that is done, 0..1; [] on the device where the step is compiled."""
    generator: torch.Generator
    """Of all draws, on the device."""


class Epoch(NamedTuple):
    """What an objective may know before an epoch."""

    n_images: int
    progress: float
    """Share of the training that is done, 0..1."""
    generator: torch.Generator
    """Of all draws, on the device."""
    predict: Callable[[], torch.Tensor]
    """Labels all training images as they are: int64 [H, N], of each head's first classifier."""


class Objective(Protocol):
    """A method that trains heads: an ``nn.Module`` whose state is all there is to save.

    There are R = H * S heads in the end, for S sizes of classifiers: those of the first size
    come first.

    Attributes:
        n_partners: views to draw beside each image itself.
        temperature: of the softmax that turns the heads' logits into probabilities.
    """

    n_partners: int
    temperature: float

    @property
    def heads(self) -> Heads:
        """What labels images."""

    def start_epoch(self, epoch: Epoch) -> torch.Tensor:
        """Returns the images of an epoch in order, int64 [N], or [H, N] for each head its own."""

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Returns the loss of each head, [R], and keeps what is learned besides the gradient."""

    def after_step(self) -> None:
        """Called after each step of the optimiser."""

    def weights(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay applies to."""

    def biases(self) -> list[nn.Parameter]:
        """The trainable parameters that weight decay leaves alone."""

    def state_dict(self) -> dict[str, Any]:
        """All tensors that a training needs to go on."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Takes over a saved state."""


def each_image_once(epoch: Epoch) -> torch.Tensor:
    """A random order of all images, int64 [N]."""
    return torch.randperm(epoch.n_images, generator=epoch.generator, device=epoch.generator.device)


def by_view(logits: torch.Tensor, n_views: int) -> torch.Tensor:
    """Takes logits [H, V * B, C] apart into [V, H, B, C]."""
    n_heads, _, n_clusters = logits.shape
    return logits.view(n_heads, n_views, -1, n_clusters).transpose(0, 1)
