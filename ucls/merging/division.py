"""Clusters mended by the neighbour graph: what falls apart is divided, what does not is joined.

Shapes: N images, C clusters, n images of a cluster.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.merging.links import both_ways, nearest_edges
from ucls.progress import Reporter
from ucls.types import Labels, NeighborGraph
from ucls.wording import count

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

NEAREST = 10
"""Neighbours of an image that its links lead to: the nearest are the purest."""
LEAST_SHARE = 1 / 50
"""Of a balanced cluster: what is smaller is no part of its own."""
LESS_CUT = 2
"""How many times as many links, by normalised cut, hold two clusters together that are joined as
those that hold a cluster together that is divided."""
MOST_TRIED = 6
"""Divisions that are looked at in each step, those of least cut."""
MOST_STEPS = 100
"""Of divisions and joins; more are a matter of minutes, and were never seen on real images."""
SMALL = 100
"""Images of a cluster whose eigenvectors are all computed, as that is faster."""


class Division(NamedTuple):
    """A cluster in two parts."""

    cut: float
    """The normalised cut, 0..2: 0 where nothing links the parts."""
    part: Rows
    """The images of the smaller one, rising."""


Divisions = dict[int, Division]
"""By cluster, of those that have two parts."""


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
    empty = np.setdiff1d(np.arange(n_clusters), labels).tolist()
    if not empty:
        return filled
    links = links_of(graph)
    divisions = _divisions(filled, range(n_clusters), links, n_clusters=n_clusters)
    n_filled = 0
    while divisions and n_filled < len(empty):
        divided = min(divisions, key=lambda number: divisions[number].cut)
        filled[divisions.pop(divided).part] = empty[n_filled]
        changed = (divided, empty[n_filled])
        divisions |= _divisions(filled, changed, links, n_clusters=n_clusters)
        n_filled += 1
    if n_filled:
        are = "was" if n_filled == 1 else "were"
        n_images = int(np.count_nonzero(filled != labels))
        reporter.say(
            f"self-train: {count(n_filled, 'cluster')} {are} empty: {count(n_images, 'image')} of "
            "clusters that fall apart go there"
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
    changed, links, n_steps = labels.copy(), links_of(graph), 0
    divisions = _divisions(changed, range(n_clusters), links, n_clusters=n_clusters)
    while n_steps < min(n_clusters, MOST_STEPS):
        step = _best_step(changed, divisions, links, n_clusters=n_clusters)
        if step is None:
            break
        changed = step.taken(changed, n_clusters)
        for number in step.changed(n_clusters):
            divisions.pop(number, None)
        divisions |= _divisions(changed, step.changed(n_clusters), links, n_clusters=n_clusters)
        n_steps += 1
    if n_steps:
        moved = (changed != labels).mean()
        reporter.say(
            f"self-train: {count(n_steps, 'cluster')} that {'falls' if n_steps == 1 else 'fall'} "
            f"apart divided, as many that hardly do joined: {moved:.1%} of the images move"
        )
    return changed


class _Step(NamedTuple):
    """A cluster that is divided, and two that are joined, of which one may be the part (C)."""

    part: Rows
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
    labels: Labels, divisions: Divisions, links: "csr_array", *, n_clusters: int
) -> _Step | None:
    between, best = _between_clusters(labels, links, n_clusters), None
    by_cut = sorted((found.cut, number) for number, found in divisions.items())
    for cut, number in by_cut[:MOST_TRIED]:
        part = divisions[number].part
        cuts = _cuts_of_pairs(_parted(between, labels, links, part=part, number=number))
        cuts[number, n_clusters] = cuts[n_clusters, number] = 0
        first, second = sorted(map(int, np.unravel_index(cuts.argmax(), cuts.shape)))
        gain = float(cuts[first, second]) - cut
        if gain > (LESS_CUT - 1) * cut and (best is None or gain > best.gain):
            best = _Step(part, number, (first, second), gain)
    return best


def _between_clusters(labels: Labels, links: "csr_array", n_clusters: int) -> Matrix:
    """Links between each two clusters, both ways, [C, C]."""
    from scipy.sparse import csr_array

    known = np.flatnonzero(labels >= 0)
    shape = (len(labels), n_clusters)
    members = csr_array((np.ones(len(known)), (known, labels[known])), shape=shape)
    return np.asarray((members.T @ links @ members).toarray())


def _parted(
    between: Matrix, labels: Labels, links: "csr_array", *, part: Rows, number: int
) -> Matrix:
    """The links once a part of a cluster is a cluster of its own, the last, [C + 1, C + 1]."""
    of_part = links[part]
    ends = labels[of_part.indices]
    is_known = ends >= 0
    to_clusters = np.bincount(
        ends[is_known], weights=of_part.data[is_known], minlength=len(between)
    )
    within = of_part[:, part].sum()
    to_rest = to_clusters[number] - within
    parted = np.pad(between, (0, 1))
    parted[number, :-1] -= to_clusters
    parted[:-1, number] -= to_clusters
    parted[number, number] = between[number, number] - within - 2 * to_rest
    parted[-1, :-1] = parted[:-1, -1] = to_clusters
    parted[-1, number] = parted[number, -1] = to_rest
    parted[-1, -1] = within
    return parted


def _cuts_of_pairs(links: Matrix) -> Matrix:
    """The normalised cut between each two clusters, by the links of these two alone."""
    within = np.diag(links)
    between = links - np.diag(within)
    shares = between / np.maximum(within[:, None] + between, 1)
    return np.asarray(shares + shares.T)


def _divisions(
    labels: Labels, clusters: Iterable[int], links: "csr_array", *, n_clusters: int
) -> Divisions:
    least = max(2, round(LEAST_SHARE * np.count_nonzero(labels >= 0) / n_clusters))
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels + 1, minlength=n_clusters + 1))
    found = {
        cluster: divide(order[ends[cluster] : ends[cluster + 1]], links, least=least)
        for cluster in clusters
    }
    return {cluster: division for cluster, division in found.items() if division is not None}


def divide(members: Rows, links: "csr_array", *, least: int) -> Division | None:
    """The bipartition of a cluster of least normalised cut.

    Args:
        members: its images, rising, [n].
        links: of all images, from :func:`links_of`.
        least: images of a part.

    Returns:
        None where there are too few images for two parts.
    """
    from scipy.sparse import eye_array

    if len(members) < 2 * least:
        return None
    # An image without a neighbour in its cluster is at least linked to itself.
    own = (links[members][:, members] + 1e-3 * eye_array(len(members))).tocsr()
    order = np.argsort(_second_eigenvector(own), kind="stable")
    cuts = _normalised_cuts(own, order)
    first = least + int(cuts[least - 1 : len(members) - least].argmin())
    parts = order[:first], order[first:]
    return Division(float(cuts[first - 1]), np.sort(members[min(parts, key=len)]))


def links_of(graph: NeighborGraph) -> "csr_array":
    """The links between the nearest of a neighbour graph, see :func:`both_ways`."""
    return both_ways(nearest_edges(graph, nearest=NEAREST), graph.n_images)


def _second_eigenvector(links: "csr_array") -> Matrix:
    """Of the random walk over the links, [n]."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import LinearOperator, eigsh

    scale = 1 / np.sqrt(links.sum(axis=0))
    walk = diags_array(scale) @ links @ diags_array(scale)
    first = 1 / scale / np.linalg.norm(1 / scale)

    def without_first(vector: Matrix) -> Matrix:
        return np.asarray(walk @ vector - first * (first @ vector))

    if len(scale) < SMALL:
        found = np.linalg.eigh(walk.toarray() - np.outer(first, first))[1]
    else:
        # Where parts are not linked at all, the first comes twice, and one would be missed.
        rest = LinearOperator(walk.shape, matvec=without_first, dtype=np.float64)
        start = np.random.default_rng(0).normal(size=len(scale))
        found = eigsh(rest, k=1, which="LA", v0=start, tol=1e-4)[1]
    return np.asarray(scale * found[:, -1])


def _normalised_cuts(links: "csr_array", order: Rows) -> Matrix:
    """What it takes to part the first 1, 2, ..., n-1 images of an order from the rest, [n - 1]."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    pairs = links.tocoo()
    ends = np.sort(np.stack([place[pairs.row], place[pairs.col]]), axis=0)
    opened, closed = (np.bincount(end, weights=pairs.data, minlength=len(order)) for end in ends)
    cut = np.maximum(np.cumsum(opened - closed)[:-1] / 2, 0)  # each link is there both ways
    volume = np.cumsum(np.asarray(links.sum(axis=0))[order])
    return np.asarray(cut / volume[:-1] + cut / (volume[-1] - volume[:-1]))
