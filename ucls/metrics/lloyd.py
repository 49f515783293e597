"""Lloyd's k-means for a GPU, where scikit-learn's does not run.

Shapes: N images, D features, C centres.
"""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

CHUNK = 2**15
"""Images whose distances to all centres are held at once."""
ITERATIONS = 300
"""At most, as scikit-learn has it."""
TOLERANCE = 1e-4
"""Of the squared way of all centres, as a share of the mean variance; as scikit-learn has it."""


def lloyd(
    features: torch.Tensor,
    centres: torch.Tensor,
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> tuple[torch.Tensor, float]:
    """Moves centres to the mean of their images until they hardly move.

    A centre without images stays where it is. Sums are products with one-hot labels, which a GPU
    adds in the same order every time.

    Args:
        features: float32 [N, D].
        centres: to start with, float32 [C, D].
        iterations: at most.
        tolerance: of the squared way of all centres, as a share of the columns' mean variance.

    Returns:
        The centres, and the sum of the squared distances to them.
    """
    enough = tolerance * float(features.var(dim=0, correction=0).mean())
    for _ in range(iterations):
        moved = _means(features, assign(features, centres)[0], centres)
        way = float((moved - centres).square().sum())
        centres = moved
        if way <= enough:
            break
    return centres, float(assign(features, centres)[1].double().sum())


def _means(features: torch.Tensor, labels: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """Of the images of each centre; the centre itself where it has none."""
    sums, counts = torch.zeros_like(centres), centres.new_zeros(len(centres))
    chunks = zip(torch.split(features, CHUNK), torch.split(labels, CHUNK), strict=True)
    for chunk, part in chunks:
        one_hot = F.one_hot(part, len(centres)).to(features)
        sums.addmm_(one_hot.T, chunk)
        counts += one_hot.sum(dim=0)
    means = sums / counts.clamp_min(1.0)[:, None]
    return torch.where(counts[:, None] > 0, means, centres)


def assign(features: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest centre of each image, int64 [N], and its squared distance, float32 [N]."""
    found = list(_nearest(features, centres))
    return torch.cat([labels for labels, _ in found]), torch.cat([far for _, far in found])


def _nearest(
    features: torch.Tensor, centres: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    norms = centres.square().sum(dim=1)
    for chunk in torch.split(features, CHUNK):
        nearest = torch.addmm(norms, chunk, centres.T, alpha=-2.0).min(dim=1)
        yield nearest.indices, (nearest.values + chunk.square().sum(dim=1)).clamp_min_(0.0)
