"""Random numbers for the images of a batch, whichever rank has which of them."""

import torch
from torch import Tensor


class Draws:
    """Draws for a whole batch, and gives those of one's own images.

    Args:
        seed: of all that is drawn, in this order.
        n_images: of the whole batch.
        own: the images of this rank; None for all.
    """

    def __init__(self, seed: int, n_images: int, own: slice | None = None) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._n_images, self._own = n_images, own or slice(None)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between two others, float32 [images, *shape], on the CPU."""
        drawn = torch.empty(self._n_images, *shape)
        return drawn.uniform_(low, high, generator=self._generator)[self._own]

    def chosen(self, share: float) -> Tensor:
        """Whether each image is one of a share of all, bool [images, 1, 1, 1]."""
        return self.uniform(0.0, 1.0, 1, 1, 1) < share
