"""The views of a batch: each image itself, and partners that should land in its cluster."""

from typing import Literal

import torch

from ucls.training.sampling import NeighborSampler

ViewKind = Literal["neighbor", "augmented", "both", "itself"]


class ViewSampler:
    """Draws views on the device.

    Args:
        features: of all images in all views, [V, N, D]; view 0 is the plain image.
        neighbors: draws neighbours.
        kind: what a partner is: a ``neighbor`` as it is, an ``augmented`` view of the image,
            ``both`` (an augmented view of a neighbour), or the image ``itself``.
    """

    def __init__(
        self, features: torch.Tensor, neighbors: NeighborSampler, *, kind: ViewKind
    ) -> None:
        self.features, self.neighbors, self.kind = features, neighbors, kind

    def draw(self, rows: torch.Tensor, n_partners: int, generator: torch.Generator) -> torch.Tensor:
        """Draws the views of some images.

        Args:
            rows: int64 [...], any shape.
            n_partners: P.
            generator: on the same device as ``rows``.

        Returns:
            [1 + P, ..., D]; view 0 is the image itself, as it is.
        """
        flat = rows.flatten()
        partners = flat.repeat(n_partners, 1)
        if self.kind in ("neighbor", "both"):
            partners = self.neighbors.draw(flat, n_partners, generator).T
        images = torch.cat([flat, partners.reshape(-1)])
        views = self.features[0, images]
        if self.kind in ("augmented", "both"):
            n_drawn = n_partners * len(flat)
            augmented = torch.randint(
                1, len(self.features), (n_drawn,), generator=generator, device=rows.device
            )
            views[len(flat) :] = self.features[augmented, images[len(flat) :]]
        return views.view(1 + n_partners, *rows.shape, -1)
