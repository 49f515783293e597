"""Graphs cut into parts by METIS."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.ensemble.options import Number, Option
from ucls.types import Labels

if TYPE_CHECKING:
    from scipy.sparse import csr_array

IntVector = npt.NDArray[np.int64]

# METIS takes integer weights: 1 becomes this, or less where the sum of all weights would not fit
# into the integers that METIS was built with.
LARGEST_WEIGHT = 10_000

SPLIT_IMBALANCE = 0.7
"""How far one side of a split part may exceed the half."""

IMBALANCE = Option(
    "imbalance",
    Number(float, 0.0, 1000.0, open_below=True),
    default=None,
    help="1 lets clusters be twice the mean size; or auto.",
)
"""Left out: 0.05 for HGPA; for CSPA and HBGF as far as the largest cluster of the median head
exceeds the mean, at most 1."""
"""How far a cluster may exceed the mean size."""


class Adjacency(NamedTuple):
    """An undirected graph as METIS reads it; every edge is there in both directions."""

    starts: IntVector
    """Where the neighbours of each vertex start, [V + 1]."""
    neighbors: IntVector
    """[E]."""
    edge_weights: IntVector | None = None
    """[E], at least 1; None: every edge counts 1."""
    vertex_weights: IntVector | None = None
    """[V], at least 1; None: every vertex counts 1."""


def weigh_edges(graph: "csr_array", vertex_weights: IntVector | None = None) -> Adjacency:
    """Turns a graph with real weights into one with integer weights.

    Args:
        graph: symmetric [V, V], positive weights of at most 1, no diagonal.
        vertex_weights: [V], at least 1.

    Returns:
        The same edges; weights are rounded, and at least 1.
    """
    return Adjacency(
        starts=graph.indptr.astype(np.int64),
        neighbors=graph.indices.astype(np.int64),
        edge_weights=scale_weights(graph.data, LARGEST_WEIGHT),
        vertex_weights=vertex_weights,
    )


def scale_weights(weights: npt.NDArray[np.floating], scale: float) -> IntVector:
    """Rounds weights [E] times a scale, which is lowered where METIS could not add them up."""
    largest_sum = float(np.iinfo(_integer()).max // 4)
    fitting = min(scale, largest_sum / weights.sum(dtype=np.float64))
    scaled: IntVector = np.rint(weights * fitting).astype(np.int64)
    return np.maximum(scaled, 1)


def loose_imbalance(labels: Labels, n_parts: int) -> float:
    """How far parts may exceed the mean weight: as far as the heads' own largest clusters do.

    Strict balance splits large classes, and too loose a balance merges small ones. The median head
    tells which it is, up to parts twice as heavy as the mean; more is worse.

    Args:
        labels: compact heads, int32 [H, N]; -1 is missing.
        n_parts: number of parts.

    Returns:
        0.03, METIS's own, to 1.
    """
    largest = [np.bincount(head + 1)[1:].max() / np.count_nonzero(head >= 0) for head in labels]
    return float(np.clip(np.median(largest) * n_parts - 1.0, 0.03, 1.0))


def partition(
    graph: Adjacency,
    n_parts: int,
    *,
    seed: int = 0,
    imbalance: float | None = None,
    first: int = 0,
    n_cuts: int = 1,
) -> IntVector:
    """Cuts a graph into parts of like weight so that light edges are cut.

    Parts that METIS leaves empty, as its refinement drains loose ones, get a side of another: of
    the part that comes asunder at the lowest normalised cut (Shi & Malik, 2000), which is two that
    METIS has put together sooner than one that is merely large.

    Args:
        graph: at least one edge.
        n_parts: number of parts. With no more vertices than that, each is a part of its own.
        seed: seed of METIS; the same seed gives the same parts. METIS draws nothing for small
            graphs, and takes 0 and 1 for the same seed.
        imbalance: how far a part may exceed the mean weight: 1 lets it be twice as heavy. None
            is METIS's own 0.03.
        first: a part without a vertex from here on counts as empty.
        n_cuts: as often METIS cuts anew and keeps the lightest cut, which then varies less.

    Returns:
        int64 [V] in 0..n_parts-1. A part is empty only if METIS can split no other.
    """
    n_vertices = len(graph.starts) - 1
    if n_vertices <= n_parts:
        return np.arange(n_vertices)
    # Up to 8 parts would be bisected, which loosens the balance at every cut.
    parts = _metis(graph, n_parts, seed=seed, imbalance=imbalance, recursive=False, n_cuts=n_cuts)
    empty = np.flatnonzero(np.bincount(parts[first:], minlength=n_parts) == 0)
    return _fill(graph, parts, empty.tolist(), first=first, seed=seed) if len(empty) else parts


def _fill(
    graph: Adjacency, parts: IntVector, empty: list[int], *, first: int, seed: int
) -> IntVector:
    """Splits other parts for those that are empty."""
    links = _links(graph)
    parts = parts.copy()

    def split(part: int) -> Split | None:
        return _split(links, graph.vertex_weights, np.flatnonzero(parts == part), first, seed)

    splits = {part: split(part) for part in np.unique(parts).tolist()}
    for part in empty:
        possible = {old: found for old, found in splits.items() if found is not None}
        if not possible:
            break
        old = min(possible, key=lambda one: possible[one].cost)
        parts[possible[old].vertices] = part
        splits |= {old: split(old), part: split(part)}
    return parts


class Split(NamedTuple):
    """A part in two."""

    cost: float
    """Weight of the edges cut, over that of all edges of the side with less."""
    vertices: IntVector
    """One side."""


def _split(
    links: "csr_array",
    vertex_weights: IntVector | None,
    vertices: IntVector,
    first: int,
    seed: int,
) -> Split | None:
    """The best split of a part; None if one side would have no vertex that fills it."""
    if np.count_nonzero(vertices >= first) < 2:
        return None
    within = links[vertices][:, vertices]
    graph = Adjacency(
        within.indptr,
        within.indices,
        within.data,
        None if vertex_weights is None else vertex_weights[vertices],
    )
    sides = _metis(graph, 2, seed=seed, imbalance=SPLIT_IMBALANCE, recursive=True)
    if len(set(sides[vertices >= first].tolist())) < 2:
        return None
    is_moved = sides == 1
    cut = within[is_moved][:, ~is_moved].sum()
    least = min(within[is_moved].sum(), within[~is_moved].sum())
    return Split(float(cut / max(least, 1)), vertices[is_moved])


def _links(graph: Adjacency) -> "csr_array":
    """The edge weights as a matrix, int64 [V, V]."""
    from scipy.sparse import csr_array

    n_vertices = len(graph.starts) - 1
    weights = graph.edge_weights
    if weights is None:
        weights = np.ones(len(graph.neighbors), dtype=np.int64)
    return csr_array((weights, graph.neighbors, graph.starts), shape=(n_vertices, n_vertices))


def _metis(
    graph: Adjacency,
    n_parts: int,
    *,
    seed: int,
    imbalance: float | None,
    recursive: bool,
    n_cuts: int = 1,
) -> IntVector:
    """The parts by METIS, int64 [V]."""
    import pymetis

    options = pymetis.Options(seed=seed, ncuts=n_cuts)
    if imbalance is not None:
        options.ufactor = max(1, round(1000 * imbalance))
    parts = pymetis.part_graph(
        n_parts,
        pymetis.CSRAdjacency(_for_metis(graph.starts), _for_metis(graph.neighbors)),
        eweights=None if graph.edge_weights is None else _for_metis(graph.edge_weights),
        vweights=None if graph.vertex_weights is None else _for_metis(graph.vertex_weights),
        recursive=recursive,
        options=options,
    )
    return np.asarray(parts.vertex_part, dtype=np.int64)


def _for_metis(values: IntVector) -> Any:
    """The same values as METIS's integers."""
    return values.astype(_integer(), copy=False)


def _integer() -> npt.DTypeLike:
    """The integers that METIS was built with: arrays of them are not copied."""
    import pymetis

    dtype: npt.DTypeLike = pymetis.zero_copy_dtype()
    return dtype
