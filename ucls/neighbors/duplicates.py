"""Near-duplicates: images nearly the same, and nearer than neighbours come to be by chance.

Shapes: N images, P pairs.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.neighbors.search import unit_vectors
from ucls.tables import AnyFeatures
from ucls.types import IntArray, Labels, NeighborGraph

Vector = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NEARLY_SAME = 0.98
"""The least cosine similarity of near-duplicates. Where many images are alike in part, such as in
their background, a few are nearer than chance has it without being the same."""
FAR = 10
"""The neighbour, counted from the nearest, that tells how densely images lie; fewer where images
have fewer. In larger groups of copies it is a copy itself."""
SAMPLE = 8192
"""Images that the threshold is chosen by."""
BY_CHANCE = 0.05
"""Images that are expected to have a neighbour above the threshold by chance."""
DENSEST = 0.1
"""Quantile of the distances below which images lie as densely as there, as copies lie denser."""
PAIRS_AT_ONCE = 2**16
ROUNDING = 2e-3
"""Of a similarity in half precision; no pair is lost by it."""


class Duplicates(NamedTuple):
    """Groups of near-duplicates."""

    rows: Rows
    """The images in groups, group by group, the most similar group first, rising within it."""
    groups: Labels
    """The group of each, from 0."""
    similarity: Vector
    """Cosine of each to the image of its group that is most similar."""
    first_copy: Rows
    """The first image with the very same features, where that is another one; else -1."""


def find_duplicates(features: AnyFeatures, graph: NeighborGraph, threshold: float) -> Duplicates:
    """Groups the images that are linked by pairs of at least such a similarity.

    Args:
        features: prepared as for the graph, [N, D].
        graph: of them, which only says which pairs to look at.
        threshold: cosine similarity.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second, similarity = near_pairs(features, graph, threshold)
    n_images = graph.n_images
    nearest = np.full(n_images, -1.0, dtype=np.float32)
    np.maximum.at(nearest, first, similarity)
    np.maximum.at(nearest, second, similarity)
    links = coo_array((np.ones(len(first)), (first, second)), shape=(n_images, n_images))
    component = connected_components(links, directed=False)[1]
    rows = np.flatnonzero(nearest >= 0.0 if threshold < 0.0 else nearest >= threshold)
    most = np.full(n_images, -1.0, dtype=np.float32)
    np.maximum.at(most, component[rows], nearest[rows])
    rows = rows[np.lexsort((rows, component[rows], -most[component[rows]]))]
    starts = np.flatnonzero(np.diff(component[rows], prepend=-1))
    groups = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(rows)))
    copies = _first_copies(features[rows], rows)
    return Duplicates(rows, groups.astype(np.int32), nearest[rows], copies)


def duplicate_threshold(features: AnyFeatures, graph: NeighborGraph, *, seed: int = 0) -> float:
    """The cosine similarity from which on two images are near-duplicates, at least 0.98.

    It is higher where :func:`chance_threshold` is, and where no neighbours are as near, features
    are not looked at.

    Args:
        features: prepared as for the graph, [N, D].
        graph: of them.
        seed: of the sample.
    """
    nearest = float(graph.similarity.max(initial=-1.0))
    if nearest < NEARLY_SAME - ROUNDING:
        return NEARLY_SAME
    return max(NEARLY_SAME, chance_threshold(features, graph, seed=seed))


def chance_threshold(features: AnyFeatures, graph: NeighborGraph, *, seed: int = 0) -> float:
    """The cosine similarity above which neighbours are too near to be so by chance.

    Around an image, the number of others within a small distance grows with a power of it, the
    dimension of the data there (Levina & Bickel, 2004). How far the tenth and the fifth neighbour
    are tells that power and how dense images lie, and so how many of N images would have one within
    any distance; that distance is taken at which it is a twentieth of an image. Where
    neighbours do not tell, it is 0.98.

    Args:
        features: prepared as for the graph, [N, D].
        graph: of them.
        seed: of the sample.
    """
    far = int(min(FAR, graph.counts.min()))
    middle = max(far // 2, 1)
    if far < 2:
        return NEARLY_SAME
    n_images = graph.n_images
    rows = np.arange(n_images)
    if n_images > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(n_images, SAMPLE, replace=False))
    distance = [
        np.sqrt(np.maximum(2.0 - 2.0 * _similarity(features, rows, others), 0.0))
        for others in (graph.indices[graph.indptr[rows] + place - 1] for place in (middle, far))
    ]
    apart = distance[0] > 0.0
    if not apart.any():
        return NEARLY_SAME
    growth = np.median(np.log(distance[1][apart] / distance[0][apart]))
    if growth <= 0.0:
        return NEARLY_SAME
    dimension = _harmonic(middle, far) / float(growth)
    radius = np.maximum(distance[1], np.quantile(distance[1][apart], DENSEST)).astype(np.float64)
    # Of far - 1 neighbours, each is within t with probability (t / radius) ** dimension.
    log_mean = np.logaddexp.reduce(-dimension * np.log(radius)) - np.log(len(radius))
    nearest = np.exp((np.log(BY_CHANCE / (n_images * (far - 1))) - log_mean) / dimension)
    return float(1.0 - 0.5 * nearest**2)


def _harmonic(start: int, stop: int) -> float:
    """The mean logarithm of the volume between two neighbours."""
    return float((1.0 / np.arange(start, stop)).sum())


def near_pairs(
    features: AnyFeatures, graph: NeighborGraph, threshold: float
) -> tuple[Rows, Rows, Vector]:
    """The edges of a graph that reach a threshold, once their similarity is exact.

    Args:
        features: prepared as for the graph, [N, D].
        graph: of them.
        threshold: cosine similarity.

    Returns:
        Two rows and their cosine, [P] each; a pair twice where both are neighbours of each other.
    """
    near = np.flatnonzero(graph.similarity.astype(np.float32) >= threshold - ROUNDING)
    first = np.searchsorted(graph.indptr, near, side="right") - 1
    second = graph.indices[near].astype(np.int64)
    parts = range(0, len(near), PAIRS_AT_ONCE)
    exact = [
        _similarity(features, first[i : i + PAIRS_AT_ONCE], second[i : i + PAIRS_AT_ONCE])
        for i in parts
    ]
    similarity = np.concatenate(exact) if exact else np.empty(0, dtype=np.float32)
    kept = similarity >= threshold
    return first[kept], second[kept], similarity[kept]


def _similarity(features: AnyFeatures, first: IntArray, second: IntArray) -> Vector:
    """The cosine of pairs of rows, [P]; 1 where they are equal."""
    one, other = (features[rows.astype(np.int64, copy=False)] for rows in (first, second))
    # Letters: p pairs, d features.
    cosine = np.einsum("pd,pd->p", unit_vectors(one), unit_vectors(other), dtype=np.float64)
    cosine[(one == other).all(axis=1)] = 1.0
    similarity: Vector = np.minimum(cosine, 1.0).astype(np.float32)
    return similarity


def _first_copies(features: AnyFeatures, rows: Rows) -> Rows:
    """The first of the rows with the same features, where that is another one; else -1."""
    seen: dict[bytes, int] = {}
    firsts = [
        seen.setdefault((row + 0.0).tobytes(), image)
        for image, row in sorted(zip(rows.tolist(), features, strict=True), key=lambda x: x[0])
    ]
    found = np.empty(len(rows), dtype=np.int64)
    found[np.argsort(rows, kind="stable")] = firsts
    return np.where(found == rows, -1, found)
