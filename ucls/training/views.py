"""The views of a batch: each image itself, and partners that should land in its cluster."""

from typing import Literal

import torch

from ucls.training.sampling import NeighborSampler
from ucls.training.stored_inputs import Place, StoredInputs

ViewKind = Literal["neighbor", "augmented", "both", "itself"]


class ViewSampler:
    """Draws views on the device.

    Args:
        features: of all images in all views, [V, N, D], in memory or on disk; view 0 is the plain
            image.
        neighbors: draws neighbours.
        kind: what a partner is: a ``neighbor`` as it is, an ``augmented`` view of the image,
            ``both`` (an augmented view of a neighbour), or the image ``itself``.
    """

    def __init__(
        self,
        features: torch.Tensor | StoredInputs,
        neighbors: NeighborSampler,
        *,
        kind: ViewKind,
    ) -> None:
        self.features, self.neighbors, self.kind = features, neighbors, kind

    def draw(
        self,
        rows: torch.Tensor,
        n_partners: int,
        generator: torch.Generator,
        *,
        following: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Draws the views of some images.

        Args:
            rows: int64 [...], any shape.
            n_partners: P.
            generator: on the same device as ``rows``.
            following: what is drawn for next, which is read meanwhile where it is on disk.

        Returns:
            [1 + P, ..., D]; view 0 is the image itself, as it is.
        """
        views = self.features[self._choose(rows, n_partners, generator)]
        if following is not None and isinstance(self.features, StoredInputs):
            ahead = torch.Generator(generator.device).set_state(generator.get_state())
            self.features.expect(self._choose(following, n_partners, ahead))
        return views.view(1 + n_partners, *rows.shape, -1)

    def _choose(self, rows: torch.Tensor, n_partners: int, generator: torch.Generator) -> Place:
        """The image itself and its partners, one view after the other."""
        flat = rows.flatten()
        partners = flat.repeat(n_partners, 1)
        if self.kind in ("neighbor", "both"):
            partners = self.neighbors.draw(flat, n_partners, generator).T
        images = torch.cat([flat, partners.reshape(-1)])
        if self.kind in ("neighbor", "itself"):
            return 0, images
        n_drawn = n_partners * len(flat)
        augmented = torch.randint(
            1, len(self.features), (n_drawn,), generator=generator, device=rows.device
        )
        return torch.cat([torch.zeros_like(flat), augmented]), images
