"""Links of the neighbour graph between the clusters of a head.

Shapes: N images, C' clusters of the head.
"""

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.types import Labels, NeighborGraph, check_labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEAREST = 50
"""Neighbours of each image that count: the nearest are the purest, and enough."""
FEWEST_NEAREST = 3
IN_PIECES_FROM = 0.5
"""Share of the images in small pieces, where each has many near-duplicates: 0.87 to 1 of digits in
bursts of five and more."""
SMALL_CLASSES_UP_TO = 0.15
"""Share of them that may be small classes: on eleven sets of classes alike in size it was at most
0.02, on those of classes up to 20:1 at most 0.14."""
EDGES_PER_CHUNK = 2**23
EDGES_FOR_ALL_HEADS = 2**22
"""Of more, an even sample is counted: links between all pairs of heads need no more."""
PSEUDO_LINKS = 1e-3
"""Links between any two clusters, as a share of what chance would give them: all clusters can be
merged, unlinked ones last and small ones first."""

Matrix = npt.NDArray[np.float64]


class Edges(NamedTuple):
    """The edges of a neighbour graph, from each image to its nearest."""

    sources: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]


class ClusterLinks(NamedTuple):
    """How the clusters of a head are linked."""

    links: Matrix
    """Links between each two clusters, both ways, [C', C']; within a cluster on the diagonal."""
    sizes: npt.NDArray[np.int64]
    """Images of each cluster, [C']."""

    def cut_share(self, mapping: Labels) -> float:
        """The share of the links that lie between different clusters once these are merged.

        Args:
            mapping: the merged cluster of each cluster, [C']; -1 for empty clusters.
        """
        same = mapping[:, None] == mapping
        return float(1.0 - self.links[same].sum() / max(self.links.sum(), 1.0))

    def occupied(self) -> "ClusterLinks":
        """The same for the clusters that hold images, with pseudo-links between all."""
        held = np.flatnonzero(self.sizes)
        shares = self.sizes[held] / self.sizes.sum()
        by_chance = np.outer(shares, shares) * max(self.links.sum(), 1.0)
        links = self.links[np.ix_(held, held)] + PSEUDO_LINKS * by_chance
        return ClusterLinks(links, self.sizes[held])


class Pieces(NamedTuple):
    """What a graph of N images falls into, as no link leads from one piece to another."""

    of_images: Labels
    """The piece of each image, int32 [N]."""
    is_small: npt.NDArray[np.bool_]
    """Whether it is smaller than half a balanced cluster, [N]."""

    @classmethod
    def of(cls, links: "csr_array", n_clusters: int) -> "Pieces":
        """Those of the links between images, [N, N]."""
        from scipy.sparse.csgraph import connected_components

        of_images = connected_components(links, directed=False)[1]
        sizes = np.bincount(of_images)[of_images]
        return cls(of_images, 2 * n_clusters * sizes < len(of_images))

    @property
    def fall_apart(self) -> bool:
        """Whether most images lie in small ones: links do not say which belong together."""
        return bool(self.is_small.mean() > IN_PIECES_FROM)

    @property
    def hang_together(self) -> bool:
        """Whether no more images lie in small ones than in small classes."""
        return bool(self.is_small.mean() <= SMALL_CLASSES_UP_TO)


def nearest_edges(graph: NeighborGraph, *, nearest: int = NEAREST) -> Edges:
    """The edges from each image to its nearest neighbours, of which rows hold the nearest first."""
    counts = np.minimum(graph.counts, nearest)
    ends = np.cumsum(counts)
    sources = np.repeat(np.arange(graph.n_images, dtype=np.int32), counts)
    rank = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
    return Edges(sources, graph.indices[graph.indptr[sources] + rank])


def both_ways(edges: Edges, n_images: int) -> "csr_array":
    """The links between images, int64 [N, N]: 1, or 2 where each is a neighbour of the other."""
    from scipy.sparse import csr_array

    ones, shape = np.ones(len(edges.sources), np.int64), (n_images, n_images)
    one_way = csr_array((ones, (edges.sources, edges.targets)), shape)
    links: csr_array = (one_way + one_way.T).tocsr()
    return links


def balanced_root(graph: NeighborGraph, n_clusters: int) -> int:
    """As many neighbours as are sure to lie in a balanced cluster: the root of its size."""
    root = round(math.sqrt(graph.n_images / n_clusters))
    return min(max(FEWEST_NEAREST, root), NEAREST)


def nearest_counting(graph: NeighborGraph, n_clusters: int) -> int:
    """How many neighbours of each image mutual links are among.

    Those of :func:`balanced_root`; where that leaves images in small pieces, twice as many each
    time, until the graph hangs together or all that the graph has are taken.
    """
    nearest = balanced_root(graph, n_clusters)
    most = min(NEAREST, int(graph.counts.max()))
    pieces = Pieces.of(mutual_among(graph, nearest), n_clusters)
    if not pieces.fall_apart:
        return nearest
    while nearest < most and not pieces.hang_together:
        nearest = min(2 * nearest, most)
        pieces = Pieces.of(mutual_among(graph, nearest), n_clusters)
    return nearest


def mutual_links(graph: NeighborGraph, n_clusters: int) -> "csr_array":
    """The links between images of which each is among the nearest of the other, int64 [N, N].

    Dense regions are among the nearest of all that lies around them, but these are not among
    theirs: without links one way, clusters are far better apart (Brito et al., 1997; Maier et al.,
    2009). A link counts 2; that to the nearest image, without which some would have none, 1 more.

    Args:
        graph: of the N images.
        n_clusters: C.
    """
    return mutual_among(graph, nearest_counting(graph, n_clusters))


def mutual_among(graph: NeighborGraph, nearest: int) -> "csr_array":
    """The links of :func:`mutual_links`, among so many neighbours of each image."""
    both = both_ways(nearest_edges(graph, nearest=nearest), graph.n_images)
    both.data -= both.data % 2
    links: csr_array = both + both_ways(nearest_edges(graph, nearest=1), graph.n_images)
    links.eliminate_zeros()
    return links


def cut_share(labels: Labels, links: "csr_array") -> float:
    """The share of the links that lie between different clusters, 0..1.

    Args:
        labels: int32 [N]; -1 is missing.
        links: of the N images, from :func:`mutual_links`.
    """
    pairs = links.tocoo()
    is_cut = labels[pairs.row] != labels[pairs.col]
    return float(pairs.data[is_cut].sum() / max(pairs.data.sum(), 1))


def count_links(labels: Labels, n_clusters: int, edges: Edges) -> ClusterLinks:
    """Counts the edges between the clusters of a head.

    Args:
        labels: of the head, int32 [N] in -1..n_clusters-1; -1 is missing.
        n_clusters: C'.
        edges: of the neighbour graph.

    Raises:
        UsageError: if a label is below -1.
    """
    check_labels("labels", labels)
    one_way = _count_one_way(labels, labels, (n_clusters, n_clusters), edges)
    sizes = np.bincount(labels[labels >= 0], minlength=n_clusters)
    return ClusterLinks(one_way + one_way.T, sizes)


def count_joint_links(labels: Labels, head_clusters: Sequence[int], edges: Edges) -> ClusterLinks:
    """Counts the edges between the clusters of several heads, also those of different heads.

    Args:
        labels: int32 [H, N]; -1 is missing.
        head_clusters: C' of each head.
        edges: of the neighbour graph.

    Returns:
        Head after head; ``links`` is [sum of C', sum of C'].

    Raises:
        UsageError: if a label is below -1.
    """
    check_labels("labels", labels)
    step = max(1, -(-len(edges.sources) // EDGES_FOR_ALL_HEADS))
    sample = Edges(edges.sources[::step], edges.targets[::step])
    ends = np.cumsum(head_clusters)
    spans = [slice(end - size, end) for end, size in zip(ends, head_clusters, strict=True)]
    one_way = np.zeros((ends[-1], ends[-1]))
    for (i, rows), (j, columns) in product(enumerate(spans), repeat=2):
        shape = (head_clusters[i], head_clusters[j])
        one_way[rows, columns] = _count_one_way(labels[i], labels[j], shape, sample)
    sizes = [
        np.bincount(head[head >= 0], minlength=size)
        for head, size in zip(labels, head_clusters, strict=True)
    ]
    return ClusterLinks(one_way + one_way.T, np.concatenate(sizes))


def _count_one_way(first: Labels, second: Labels, shape: tuple[int, int], edges: Edges) -> Matrix:
    """Edges from the clusters of one head to those of another, of the given shape."""
    counts = np.zeros(shape[0] * shape[1], dtype=np.int64)
    for start in range(0, len(edges.sources), EDGES_PER_CHUNK):
        part = slice(start, start + EDGES_PER_CHUNK)
        sources, targets = first[edges.sources[part]], second[edges.targets[part]]
        known = (sources >= 0) & (targets >= 0)
        cells = sources[known].astype(np.int64) * shape[1] + targets[known]
        counts += np.bincount(cells, minlength=len(counts))
    return counts.reshape(shape).astype(np.float64)
