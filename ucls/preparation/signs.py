"""What tells, without labels, that cosine similarity of features would mislead.

Shapes: N images, D features.
"""

import torch

NEAREST = 10
MOST_IMAGES = 4096
"""An even sample of so many tells as much."""


def evenness_of_columns(variance: torch.Tensor) -> float:
    """How many columns of equal variance would vary as much, as a share of those that vary.

    The participation ratio, (sum v)^2 / (D sum v^2): 1 where all columns vary alike, 1 / D where
    only one counts.

    Args:
        variance: of the columns, float64 [D].
    """
    varying = variance[variance > 0]
    if not len(varying):
        return 1.0
    shares = varying / varying.sum()
    return float(1.0 / (len(shares) * shares.square().sum()))


def is_uneven(variance: torch.Tensor, *, least: float) -> bool:
    """Whether a few columns outshout the rest: their evenness is below ``least``.

    It is counted from that of a single column on, 1 / D, so that few columns can be uneven too.

    Args:
        variance: of the columns, float64 [D].
        least: 0..1.
    """
    n_varying = int((variance > 0).sum())
    if n_varying < 2:
        return False
    return (n_varying * evenness_of_columns(variance) - 1.0) / (n_varying - 1.0) < least


def sample_rows(n_images: int, most: int = MOST_IMAGES) -> torch.Tensor:
    """Evenly spread rows, int64; all of them if there are no more than ``most``."""
    return torch.linspace(0, n_images - 1, min(n_images, most)).round().long()


def hubness(features: torch.Tensor, *, nearest: int = NEAREST) -> float:
    """How far a few images are among the nearest neighbours of many (Radovanovic et al., 2010).

    The skewness of the number of images that have an image among their ``nearest`` by cosine
    similarity: about 0.5 to 2 for features that serve, far more where one direction masks the rest.

    Args:
        features: float32 [N, D], N at least 2.
        nearest: k.
    """
    found = nearest_rows(features, nearest=nearest).flatten()
    counts = torch.bincount(found.cpu(), minlength=len(features)).double()
    deviations = counts - counts.mean()
    spread = deviations.square().mean().sqrt()
    return float((deviations**3).mean() / spread**3) if spread > 0 else 0.0


def nearest_rows(features: torch.Tensor, *, nearest: int = NEAREST) -> torch.Tensor:
    """The ``nearest`` of each image by cosine similarity, without itself, int64 [N, k].

    Args:
        features: float32 [N, D], N at least 2.
        nearest: k, or all others where they are fewer.
    """
    norms = features.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    unit = features / norms
    n_images, found = len(unit), []
    for start in range(0, n_images, 1024):
        similarity = unit[start : start + 1024] @ unit.T
        rows = torch.arange(len(similarity))
        similarity[rows, rows + start] = -torch.inf
        found.append(similarity.topk(min(nearest, n_images - 1), dim=1).indices)
    return torch.cat(found)


def left_by_two_groups(values: torch.Tensor) -> float:
    """The share of the variance that the best split of numbers into two groups leaves within them.

    1 - 2 / pi, 0.36, of a normal distribution, 0.25 of a uniform one, and little where two groups
    lie apart: 4 / (4 + d^2) where they are equal and d of their deviations from one another.

    Args:
        values: float [n], n at least 2.
    """
    ordered = values.double().sort().values
    ordered = ordered - ordered.mean()
    total = ordered.square().sum()
    if total == 0:
        return 1.0
    n_below = torch.arange(1, len(ordered), dtype=torch.float64)
    sums = ordered.cumsum(dim=0)[:-1]
    between = sums.square() / n_below + sums.square() / (len(ordered) - n_below)
    return float(1.0 - between.max() / total)
