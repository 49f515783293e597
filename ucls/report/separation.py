"""How far clusters and their parts are separate, by the neighbour graph and by the heads.

Shapes: G clusters.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.corrections.subtrees import smaller_half
from ucls.merging.agglomeration import agglomerate
from ucls.merging.links import ClusterLinks, count_links
from ucls.report.state import RunState

Matrix = NDArray[np.float64]


class Separation(NamedTuple):
    """How clusters hang together."""

    cuts: Matrix
    """Normalised cut between each two clusters, [G, G], 0..1 or a little more: the links between
    them, as a share of those that either has with both. Near 0 they are separate, near 1 nothing
    tells them apart. 0 on the diagonal."""
    votes: Matrix
    """The share of the heads' votes for images of a cluster (row) that go to another, [G, G]."""
    inner_cuts: NDArray[np.float64]
    """Normalised cut between the two parts that the merge tree makes of each cluster, [G]; 1 where
    it makes none."""
    tree: Matrix
    """How the clusters would merge further, in SciPy's format, [G - 1, 4]."""


def separation(state: RunState) -> Separation:
    """Measures it on the training images."""
    n_clusters = len(state.numbers)
    links = count_links(state.train_places, n_clusters, state.edges)
    tree = agglomerate(_linked(links)) if n_clusters > 1 else np.zeros((0, 4))
    return Separation(
        normalized_cuts(links.links), _votes(state), _inner_cuts(state, n_clusters), tree
    )


def normalized_cuts(links: Matrix) -> Matrix:
    """Normalised cut between each two clusters within the two (Shi and Malik, 2000).

    Args:
        links: between each two, both ways, those within on the diagonal, [G, G].
    """
    within = np.diag(links)
    of_first = within[:, None] + links
    with np.errstate(invalid="ignore", divide="ignore"):
        cuts = np.nan_to_num(links / of_first + links / of_first.T, posinf=0.0)
    np.fill_diagonal(cuts, 0.0)
    return cuts


def _linked(links: ClusterLinks) -> ClusterLinks:
    """With pseudo-links, and clusters of validation images alone counted as of one image."""
    return ClusterLinks(links.links, np.maximum(links.sizes, 1)).occupied()


def _votes(state: RunState) -> Matrix:
    """By what the voters say; where a found cluster is several now, it agrees with each of them."""
    n_clusters, places = len(state.numbers), state.places
    places_of = {number: place for place, number in enumerate(state.numbers)}
    numbers = state.groups.numbers[state.groups.of_columns].tolist()
    of_found = np.array([places_of.get(number, -1) for number in numbers], np.int64)
    stands_for = state.groups.stands_for[:, np.isin(state.groups.numbers, state.numbers)]
    counts = np.zeros(n_clusters * n_clusters)
    for head, n_votes in zip(state.head_labels, state.classifier.votes.votes.tolist(), strict=True):
        known = (head >= 0) & (places >= 0)
        own, named = places[known], head[known]
        voted = np.where(stands_for[named, own], own, of_found[named])
        cells = own[voted >= 0].astype(np.int64) * n_clusters + voted[voted >= 0]
        counts += n_votes * np.bincount(cells, minlength=len(counts))
    votes = counts.reshape(n_clusters, n_clusters)
    shares: Matrix = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1.0)
    return shares


def _inner_cuts(state: RunState, n_clusters: int) -> NDArray[np.float64]:
    if state.leaves is None:
        return np.ones(n_clusters)
    head, places = state.leaves.head, state.train_places
    leaves = state.leaves.of_images[: len(places)]
    held = (places >= 0) & (leaves >= 0)
    counts = np.zeros((n_clusters, len(head.leaf_of)), np.int64)
    np.add.at(counts, (places[held], leaves[held]), 1)
    is_in_part = np.zeros((n_clusters, len(head.leaf_of)), np.bool_)
    for row, of_cluster in zip(is_in_part, counts, strict=True):
        row[list(smaller_half(head, of_cluster))] = True
    halves = np.where(held, 2 * places + is_in_part[places, leaves], -1)
    first, second = halves[state.edges.sources], halves[state.edges.targets]
    inside = (first >= 0) & (second >= 0) & (first // 2 == second // 2)
    first, second = first[inside], second[inside]
    crossing = np.bincount(first[first != second] // 2, minlength=n_clusters)
    within = np.bincount(first[first == second], minlength=2 * n_clusters)
    # Links within a part are seen from both of their ends.
    masses = 2 * within.reshape(n_clusters, 2) + crossing[:, None]
    cuts = (crossing[:, None] / np.maximum(masses, 1)).sum(axis=1)
    return np.where(is_in_part.any(axis=1), cuts, 1.0)
