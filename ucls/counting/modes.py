"""The slow modes of a random walk over linked clusters, and the gaps between them.

A walk stays long where links are dense. As many modes are slow as there are groups that it hardly
leaves, and the next is much faster (von Luxburg, 2007, section 8.3): the eigengap.
"""

import numpy as np
import numpy.typing as npt

from ucls.merging.links import ClusterLinks
from ucls.merging.spectral import spectral_embedding

MOST_CLUSTERS = 250
"""That are looked for."""


def slow_modes(clusters: ClusterLinks, *, most: int = MOST_CLUSTERS) -> npt.NDArray[np.float64]:
    """What a step of the walk leaves of each mode, falling from 1.

    Links count over the root of the product of the sizes, and those within a cluster have no part,
    as in :func:`ucls.merging.diffusion.diffusion_map`.

    Args:
        clusters: M of them, none empty, all linked.
        most: clusters that are looked for; one more mode is found, if there are so many.

    Returns:
        float64 [min(most + 1, M)], at most 1.
    """
    affinity = clusters.links / np.sqrt(np.outer(clusters.sizes, clusters.sizes))
    np.fill_diagonal(affinity, 0.0)
    return spectral_embedding(affinity, min(most + 1, len(affinity))).values


def gaps_after(modes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much faster the next mode is than each, [k - 1]: entry c - 1 speaks for c clusters."""
    return -np.diff(modes)
