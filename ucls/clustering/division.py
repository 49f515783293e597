"""Clusters of unlike size, mended by the neighbour graph: those that fall apart are divided.

Shapes: N images, C clusters, n images of a cluster.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.merging.links import Edges, count_links, nearest_edges
from ucls.progress import Reporter
from ucls.types import Labels, NeighborGraph
from ucls.wording import count

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NEAREST = 10
"""Neighbours of each image that count."""
SMALL = 100
"""Images of a cluster whose eigenvectors are all computed, as that is faster."""
LEAST_SHARE = 1 / 50
"""Of a balanced cluster: what is smaller is no part of its own."""
MOST_IMAGES = 100_000
"""Larger sets were not tried."""
LESS_CUT = 2
"""How many times as many links, by normalised cut, hold two clusters together that are joined as
those that hold a cluster together that is divided."""
MOST_TRIED = 6
"""Divisions that are looked at, those of least cut."""


class Division(NamedTuple):
    """A cluster in two parts."""

    cut: float
    """The normalised cut, 0..2: 0 where nothing links the parts."""
    part: npt.NDArray[np.int64]
    """The images of the smaller one, rising."""


Divisions = dict[int, Division | None]
"""By cluster; None where it is too small for two parts."""


def fill_empty(
    labels: Labels, graph: NeighborGraph, *, n_clusters: int, reporter: Reporter
) -> Labels:
    """Gives each empty cluster a part of the cluster that falls apart most clearly.

    Heads that all lump two small classes leave a cluster empty. In the neighbour graph these are
    apart all the same: the bipartition of least normalised cut (Shi & Malik, PAMI 2000, equation 2)
    among those along the second eigenvector finds them.

    Args:
        labels: int32 [N]; -1 is missing.
        graph: neighbours of the images.
        n_clusters: C, wanted.
        reporter: told how many are filled, in one line.

    Returns:
        int32 [N]. A cluster stays empty only if none has two parts of a fiftieth of a balanced
        cluster, and of two images.
    """
    filled = labels.copy()
    sizes = np.bincount(filled + 1, minlength=n_clusters + 1)[1:]
    if sizes.all():
        return filled
    edges, least = nearest_edges(graph, nearest=NEAREST), _least_part(labels, n_clusters)
    divisions = _divisions(filled, range(n_clusters), edges, least=least)
    wanted = np.flatnonzero(sizes == 0).tolist()
    for empty in wanted:
        known = {number: found for number, found in divisions.items() if found is not None}
        if not known:
            break
        divided = min(known, key=lambda number: known[number].cut)
        filled[known[divided].part] = empty
        divisions |= _divisions(filled, (divided, empty), edges, least=least)
    n_images = int(np.count_nonzero(filled != labels))
    if n_images:
        are = "was" if len(wanted) == 1 else "were"
        reporter.say(
            f"self-train: {count(len(wanted), 'cluster')} {are} empty: "
            f"{count(n_images, 'image')} of clusters that fall apart go there"
        )
    return filled


def divide_and_join(
    labels: Labels, graph: NeighborGraph, *, n_clusters: int, reporter: Reporter
) -> Labels:
    """Divides clusters that fall apart, and joins as many that hardly do.

    Where classes are of unlike size, heads lump small ones and tear large ones. Each step divides a
    cluster in two and joins two others, or a part and another: the step that lowers the normalised
    cuts most, as long as those of the join are twice those of the division.

    Args:
        labels: int32 [N]; -1 is missing.
        graph: neighbours of the images.
        n_clusters: C.
        reporter: told what has changed, in one line.

    Returns:
        int32 [N] with as many clusters as before.
    """
    edges = nearest_edges(graph, nearest=NEAREST)
    changed, least = labels.copy(), _least_part(labels, n_clusters)
    divisions = _divisions(changed, range(n_clusters), edges, least=least)
    for n_steps in range(n_clusters + 1):
        step = _best_step(changed, divisions, edges, n_clusters=n_clusters)
        if step is None or n_steps == n_clusters:
            break
        changed = step.taken(changed, n_clusters)
        divisions |= _divisions(changed, step.changed(n_clusters), edges, least=least)
    if n_steps:
        moved = (changed != labels).mean()
        reporter.say(
            f"self-train: {count(n_steps, 'cluster')} that {'falls' if n_steps == 1 else 'fall'} "
            f"apart divided, as many that hardly do joined: {moved:.1%} of the images move"
        )
    return changed


class _Step(NamedTuple):
    """A cluster that is divided, and two that are joined, of which one may be the part (C)."""

    part: npt.NDArray[np.int64]
    divided: int
    joined: tuple[int, int]
    gain: float

    def taken(self, labels: Labels, n_clusters: int) -> Labels:
        """The labels after it."""
        changed = labels.copy()
        changed[self.part] = n_clusters
        first, second = self.joined
        changed[changed == second] = first
        changed[changed == n_clusters] = second
        return changed

    def changed(self, n_clusters: int) -> set[int]:
        """The clusters whose images are others after it."""
        return {self.divided, *self.joined} - {n_clusters}


def _best_step(
    labels: Labels, divisions: Divisions, edges: Edges, *, n_clusters: int
) -> _Step | None:
    known = [(found.cut, number) for number, found in divisions.items() if found is not None]
    best = None
    for cut, number in sorted(known)[:MOST_TRIED]:
        found = divisions[number]
        assert found is not None
        parted = labels.copy()
        parted[found.part] = n_clusters
        cuts = _cuts_of_pairs(parted, n_clusters + 1, edges)
        cuts[number, n_clusters] = cuts[n_clusters, number] = 0
        first, second = sorted(map(int, np.unravel_index(cuts.argmax(), cuts.shape)))
        gain = float(cuts[first, second]) - cut
        if gain > (LESS_CUT - 1) * cut and (best is None or gain > best.gain):
            best = _Step(found.part, number, (first, second), gain)
    return best


def _cuts_of_pairs(labels: Labels, n_clusters: int, edges: Edges) -> npt.NDArray[np.float64]:
    """The normalised cut between each two clusters, by the links of these two alone, [C, C]."""
    links = count_links(labels, n_clusters, edges).links
    within = np.diag(links)
    between = links - np.diag(within)
    shares = between / np.maximum(within[:, None] + between, 1)
    return np.asarray(shares + shares.T)


def divide(members: npt.NDArray[np.int64], edges: Edges, *, least: int) -> Division | None:
    """The bipartition of a cluster of least normalised cut.

    Args:
        members: its images, rising, [n].
        edges: of the neighbour graph.
        least: images of a part.

    Returns:
        None where there are too few images for two parts.
    """
    if len(members) < 2 * least:
        return None
    links = _links_among(members, edges)
    order = np.argsort(_second_eigenvector(links), kind="stable")
    cuts = _normalised_cuts(links, order)
    first = least + int(cuts[least - 1 : len(members) - least].argmin())
    parts = order[:first], order[first:]
    return Division(float(cuts[first - 1]), np.sort(members[min(parts, key=len)]))


def _divisions(labels: Labels, clusters: Iterable[int], edges: Edges, *, least: int) -> Divisions:
    return {
        cluster: divide(np.flatnonzero(labels == cluster), edges, least=least)
        for cluster in clusters
    }


def _least_part(labels: Labels, n_clusters: int) -> int:
    return max(2, round(LEAST_SHARE * np.count_nonzero(labels >= 0) / n_clusters))


def _links_among(members: npt.NDArray[np.int64], edges: Edges) -> "csr_array":
    """Links between members, both ways, float64 [n, n], and a weak one from each to itself."""
    from scipy.sparse import coo_array, eye_array

    place = np.searchsorted(members, (edges.sources, edges.targets))
    place = np.minimum(place, len(members) - 1)
    is_inside = (members[place] == (edges.sources, edges.targets)).all(axis=0)
    rows, columns = place[:, is_inside]
    n = len(members)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n)).tocsr()
    # An image without a neighbour in its cluster is at least linked to itself.
    symmetric: csr_array = (links + links.T + 1e-3 * eye_array(n)).tocsr()
    return symmetric


def _second_eigenvector(links: "csr_array") -> npt.NDArray[np.float64]:
    """Of the random walk over the links, [n]."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import eigsh

    scale = 1 / np.sqrt(links.sum(axis=0))
    walk = diags_array(scale) @ links @ diags_array(scale)
    if len(scale) < SMALL:
        vectors = np.linalg.eigh(walk.toarray())[1]
    else:
        start = np.random.default_rng(0).normal(size=len(scale))
        values, found = eigsh(walk, k=2, which="LA", v0=start, tol=1e-4)
        vectors = found[:, np.argsort(values)]
    return np.asarray(scale * vectors[:, -2])


def _normalised_cuts(links: "csr_array", order: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """What it takes to part the first 1, 2, ..., n-1 images of an order from the rest, [n - 1]."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    pairs = links.tocoo()
    ends = np.sort(np.stack([place[pairs.row], place[pairs.col]]), axis=0)
    opened, closed = (np.bincount(end, weights=pairs.data, minlength=len(order)) for end in ends)
    cut = np.cumsum(opened - closed)[:-1] / 2  # each link is there both ways
    volume = np.cumsum(np.asarray(links.sum(axis=0))[order])
    return np.asarray(cut / volume[:-1] + cut / (volume[-1] - volume[:-1]))
