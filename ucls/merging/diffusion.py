"""One merge tree for the clusters of all heads: average linkage in a diffusion map.

Shapes: M clusters of all heads, each with images.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.merging.condensing import condense, join_small
from ucls.merging.links import ClusterLinks, Matrix
from ucls.merging.spectral import spectral_embedding
from ucls.merging.unlinked import lightest_first
from ucls.merging.wishes import NO_WISHES, Wishes

Vector = npt.NDArray[np.float64]

LEFT_OF_LAST_MODE = 0.1
"""Share of the mode of the last wanted cluster that the diffusion leaves."""
LONGEST = 8.0
"""Steps of the diffusion, at most: separate clusters would ask for any number."""
MODES_PER_CLUSTER = 2
LEAST_SHARE = 0.02
"""Images of a group, as a share of a balanced cluster's, from which on it can be a cluster."""


UNLINKED_FROM = 1.3
"""Distance on the unit sphere, where at right angles it is 1.41."""
CLEAR_GAP = 0.15
"""Between two modes, from which on it is clear that no more clusters are separate."""
CLEARER = 3.0
"""Times the gap after the clusters wanted, for which another number is named."""


class DiffusionMap(NamedTuple):
    """Where each cluster is on a unit sphere, and after how many steps."""

    places: Matrix
    """[M, modes], rows of length 1."""
    steps: float
    clearest: int | None
    """Another number of clusters that the links tell apart far more clearly than the one wanted:
    after so many modes the next is much faster."""


class DiffusionTree(NamedTuple):
    """How clusters merge by it."""

    tree: Matrix
    """In SciPy's format, float64 [M - 1, 4]. Groups with fewer images than a fiftieth of a balanced
    cluster have joined others before these merge."""
    clearest: int | None
    """As in :class:`DiffusionMap`."""
    n_left: int
    """Clusters to cut at: those wanted, but for small ones that have joined others."""


def diffusion_tree(
    clusters: ClusterLinks,
    n_clusters: int,
    *,
    n_heads: int,
    wishes: Wishes = NO_WISHES,
) -> DiffusionTree:
    """Merges the clusters of all heads into one tree, by where random walks from them lead.

    Average linkage alone lets a few large clusters swallow their neighbours where classes overlap,
    and spectral clustering favours groups of equal size. A walk of several steps over the links
    forgets single links, and average linkage of where it leads does not mind the sizes.

    Args:
        clusters: none of them empty, all of them linked, see
            :meth:`ucls.merging.links.ClusterLinks.occupied`.
        n_clusters: how many are wanted.
        n_heads: how many heads they are of.
        wishes: which the clusters shall meet, even if there are fewer then than wanted.
    """
    from scipy.cluster.hierarchy import linkage

    n_leaves = len(clusters.sizes)
    if n_leaves < 2:
        return DiffusionTree(np.zeros((0, 4)), None, n_leaves)
    places, _, clearest = diffusion_map(clusters, n_clusters)
    masses = clusters.sizes / n_heads
    least = LEAST_SHARE * masses.sum() / n_clusters
    tree: Matrix = linkage(places, method="average")
    tree = lightest_first(tree, masses, height=UNLINKED_FROM)
    tree = condense(tree, places, masses, least=least, at_least=n_clusters)
    n_left = min(n_clusters, n_leaves)
    if wishes.min_size and n_left > wishes.at_least:
        tree, n_left = join_small(tree, places, masses, n_clusters=n_left, wishes=wishes)
    return DiffusionTree(tree, clearest, n_left)


def diffusion_map(clusters: ClusterLinks, n_clusters: int) -> DiffusionMap:
    """Where random walks over the links lead (Coifman & Lafon, 2006), by direction.

    Links count over the root of the product of the sizes, and those within a cluster have no part.
    The number of steps is such that a tenth is left of the mode that tells the last wanted cluster
    apart: it is short where clusters overlap and long where they are separate, from 1 to 8.

    Args:
        clusters: as :func:`diffusion_tree` takes them.
        n_clusters: how many are wanted.
    """
    affinity = clusters.links / np.sqrt(np.outer(clusters.sizes, clusters.sizes))
    np.fill_diagonal(affinity, 0.0)
    n_modes = min(MODES_PER_CLUSTER * n_clusters, len(affinity))
    embedding = spectral_embedding(affinity, n_modes)
    shares = np.clip(embedding.values, 0.0, 1.0 - 1e-9)
    last = max(shares[min(n_clusters, n_modes) - 1], 1e-9)
    steps = float(np.clip(np.log(LEFT_OF_LAST_MODE) / np.log(last), 1.0, LONGEST))
    places = embedding.vectors * shares**steps
    norms = np.linalg.norm(places, axis=1, keepdims=True)
    unit = places / np.maximum(norms, np.finfo(np.float64).tiny)
    return DiffusionMap(unit, steps, _clearest_number(embedding.values, n_clusters))


def _clearest_number(modes: npt.NDArray[np.float64], n_clusters: int) -> int | None:
    """The number of modes before the largest gap, where that speaks against ``n_clusters``."""
    gaps = -np.diff(modes)[1:]  # after two modes and more
    if len(gaps) < n_clusters:
        return None
    number = int(gaps.argmax()) + 2
    wanted = gaps[n_clusters - 2]
    is_clear = gaps.max() >= CLEAR_GAP and gaps.max() >= CLEARER * wanted
    return number if is_clear and number != n_clusters else None
