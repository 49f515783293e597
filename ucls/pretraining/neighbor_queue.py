"""Nearest neighbours in a queue of embeddings (Dwibedi et al. 2021, as Self-Classifier has it).

Shapes: V views, B images, Q embeddings of the queue, d their width.
"""

import torch
from torch import Tensor, nn

from ucls.ranks import gather


class NeighborQueue(nn.Module):
    """The latest embeddings, among which each image finds its nearest neighbour.

    Args:
        length: Q.
        width: d.
    """

    embeddings: Tensor
    rows: Tensor
    place: Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("embeddings", torch.zeros(length, width))
        self.register_buffer("rows", torch.full((length,), -1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def replace(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        """Once it is full, puts the nearest neighbours in the place of the first view.

        Args:
            embeddings: of all views, [V, B, d].
            rows: of the images, int64 [B].

        Returns:
            [V, B, d]; no gradient flows into the neighbours.
        """
        first = embeddings[0].detach()
        is_full = bool((self.rows >= 0).all())
        replaced = self.nearest(first, rows).to(first)[None] if is_full else embeddings[:1]
        self.push(gather(first), gather(rows))
        return torch.cat([replaced, embeddings[1:]])

    @torch.no_grad()
    def nearest(self, embeddings: Tensor, rows: Tensor) -> Tensor:
        """The nearest neighbours [B, d] of embeddings [B, d], other images than themselves."""
        found = (embeddings @ self.embeddings.T).topk(min(2, len(self.rows)), dim=1).indices
        is_own = self.rows[found[:, 0]] == rows
        return self.embeddings[torch.where(is_own, found[:, -1], found[:, 0])]

    @torch.no_grad()
    def push(self, embeddings: Tensor, rows: Tensor) -> None:
        """Puts embeddings [B, d] of images [B] in the place of the oldest."""
        length = len(self.rows)
        embeddings, rows = embeddings[-length:], rows[-length:]
        places = (self.place + torch.arange(len(rows), device=rows.device)) % length
        self.embeddings[places] = embeddings.to(self.embeddings)
        self.rows[places] = rows
        self.place.add_(len(rows)).remainder_(length)
