"""Early notice of a network that gives all images the same.

Shapes: B images, d their width, C clusters.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_SPREAD = 0.1
"""Below it vectors of length 1 point almost the same way; spread evenly they have 1."""
LEAST_CLUSTERS = 0.25
"""Share of the clusters that must be in use, by the entropy of their sizes: 0.78 or more in eight
networks that learned Fashion-MNIST, 0.2 where two of ten clusters held it all."""


def spread(vectors: Tensor) -> float:
    """How far vectors point different ways: 1 where evenly, 0 where all are the same.

    The deviation of each column of the vectors scaled to length 1, times the root of d (Chen and
    He 2021, SimSiam, section 4.1).

    Args:
        vectors: [B, d].
    """
    unit = F.normalize(vectors.float(), dim=1)
    return float(unit.std(dim=0, correction=0).mean() * math.sqrt(unit.shape[1]))


def clusters_in_use(logits: Tensor) -> float:
    """How many clusters share the images, as the exponential of the entropy of their sizes.

    Args:
        logits: [B, C].
    """
    sizes = torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1]).double()
    return float(torch.special.entr(sizes / sizes.sum()).sum().exp())


def collapse_note(vectors: Tensor, logits: Tensor | None) -> str | None:
    """What is wrong with vectors [B, d] and logits [B, C] of some images; None if nothing is."""
    found = spread(vectors)
    if not math.isfinite(found):
        return "the network gives no finite numbers any more"
    if found < LEAST_SPREAD:
        return f"the network gives all images almost the same vector (spread {found:.3f} of 1)"
    if logits is None:
        return None
    n_images, n_clusters = logits.shape
    in_use = clusters_in_use(logits)
    if in_use < LEAST_CLUSTERS * min(n_images, n_clusters) or in_use < 1.5:
        return f"the images share {in_use:.1f} of {n_clusters} clusters"
    return None
