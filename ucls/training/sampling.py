"""Drawing neighbours on the device."""

import torch

from ucls.errors import UsageError
from ucls.types import NeighborGraph


class NeighborSampler:
    """Draws neighbours uniformly from each S_x.

    Args:
        graph: S_x of every image; moved to ``device`` once.
        device: where rows are given and neighbours are wanted.

    Raises:
        UsageError: if an image has no neighbour.
    """

    def __init__(self, graph: NeighborGraph, device: torch.device) -> None:
        if graph.n_images == 0 or graph.counts.min() == 0:
            raise UsageError(
                "every image needs a neighbour, but the graph has images without any; "
                "build it with k of at least 1"
            )
        self.first = torch.from_numpy(graph.indptr[:-1]).to(device)
        self.counts = torch.from_numpy(graph.counts).to(device)
        self.indices = torch.from_numpy(graph.indices).to(device)

    def draw(
        self, rows: torch.Tensor, n_neighbors: int, generator: torch.Generator
    ) -> torch.Tensor:
        """Draws with replacement.

        Args:
            rows: int64 [B].
            n_neighbors: m.
            generator: on the same device as ``rows``.

        Returns:
            int64 [B, m].
        """
        uniform = torch.rand(len(rows), n_neighbors, generator=generator, device=rows.device)
        offsets = (uniform * self.counts[rows].unsqueeze(1)).long()
        return self.indices[self.first[rows].unsqueeze(1) + offsets].long()
