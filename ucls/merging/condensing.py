"""Merge trees in which small groups count as stray and join others first.

Shapes: M leaves.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ucls.merging.links import Matrix
from ucls.merging.wishes import Wishes
from ucls.types import cut_into

Vector = npt.NDArray[np.float64]


def condense(
    tree: Matrix, places: Matrix, masses: Vector, *, least: float, at_least: int
) -> Matrix:
    """Lets every group that is lighter than ``least`` join the nearest that is not.

    What is left of the tree are merges of two groups of which neither is light, as in HDBSCAN's
    condensed tree (Campello et al., 2013); a cut then never yields a light cluster.

    Args:
        tree: in SciPy's format, float64 [M - 1, 4], its heights rising.
        places: of the leaves, [M, d]; the largest product with the mean of a group is the nearest.
        masses: of the leaves, [M].
        least: mass of a group that counts.
        at_least: groups that must be left; if there are fewer, the tree stays as it is.

    Returns:
        In the same format: the merges within groups first, at height 0.
    """
    n_leaves = len(masses)
    children = tree[:, :2].astype(np.int64)
    weight = np.concatenate([masses, np.zeros(len(tree))])
    for step, pair in enumerate(children):
        weight[n_leaves + step] = weight[pair].sum()
    cores = _cores(children, weight >= least, n_leaves)
    if cores.max(initial=-1) + 1 < at_least:
        return tree
    groups = _nearest_core(cores, places)
    return _regrow(tree, cores, groups)


class Joined(NamedTuple):
    """A tree in which small clusters have joined others."""

    tree: Matrix
    """In SciPy's format, float64 [M - 1, 4]."""
    n_left: int
    """Clusters that are left, to cut at."""


def join_small(
    tree: Matrix, places: Matrix, masses: Vector, *, n_clusters: int, wishes: Wishes
) -> Joined:
    """Lets the small clusters of a cut join the nearest before any others merge.

    Args:
        tree: in SciPy's format, float64 [M - 1, 4], its heights rising.
        places: of the leaves, as in :func:`condense`.
        masses: of the leaves, [M].
        n_clusters: C, of the cut, more than are to stay and at most M.
        wishes: the mass of a cluster that stays, and how many stay in any case.
    """
    n_below = len(tree) + 1 - n_clusters
    clusters = cut_into(tree, n_clusters)
    means = np.zeros((n_clusters, places.shape[1]))
    np.add.at(means, clusters, places)
    sizes: Vector = np.bincount(clusters, masses, minlength=n_clusters).astype(np.float64)
    # The clusters are the leaves of what is above the cut, numbered as their nodes rise.
    n_nodes = len(masses) + n_below
    nodes = np.setdiff1d(np.arange(n_nodes), tree[:n_below, :2])
    above = tree[n_below:].copy()
    is_merge = above[:, :2] >= n_nodes
    places_above = np.searchsorted(nodes, above[:, :2])
    above[:, :2] = np.where(is_merge, above[:, :2] - n_nodes + n_clusters, places_above)
    for least in (wishes.min_size, np.sort(sizes)[-wishes.at_least]):
        joined = condense(above, means, sizes, least=float(least), at_least=wishes.at_least)
        if joined is not above:
            break
    pairs = joined[:, :2].astype(np.int64)
    is_merge = pairs >= n_clusters
    leaves = nodes[np.minimum(pairs, n_clusters - 1)]
    renamed = np.where(is_merge, pairs + n_nodes - n_clusters, leaves)
    counts = np.concatenate([np.ones(len(masses)), tree[:n_below, 3], np.zeros(len(joined))])
    for step, pair in enumerate(renamed, start=n_nodes):
        counts[step] = counts[pair].sum()
    heights = np.maximum.accumulate(np.concatenate([tree[:n_below, 2], joined[:, 2]]))
    merges = np.concatenate([tree[:n_below, :2], np.sort(renamed, axis=1)])
    whole = np.column_stack([merges, heights, counts[len(masses) :]])
    return Joined(whole, n_clusters - int((joined[:, 2] == 0.0).sum()))


def _cores(
    children: npt.NDArray[np.int64], is_heavy: npt.NDArray[np.bool_], n_leaves: int
) -> npt.NDArray[np.int64]:
    """The smallest heavy group that holds each leaf and splits into no two others, [M]; or -1."""
    splits = np.zeros(len(is_heavy), dtype=np.bool_)
    for node, pair in enumerate(children, start=n_leaves):
        splits[node] = splits[pair].any() or is_heavy[pair].all()
    core = np.where(is_heavy & ~splits, np.arange(len(is_heavy)), -1)
    # Parents come after their children, which belong to the core that holds them.
    for node in range(len(is_heavy) - 1, n_leaves - 1, -1):
        if core[node] >= 0:
            core[children[node - n_leaves]] = core[node]
    found = core[:n_leaves]
    numbered = np.full(n_leaves, -1)
    held = found >= 0
    numbered[held] = np.unique(found[held], return_inverse=True)[1]
    return numbered


def _nearest_core(cores: npt.NDArray[np.int64], places: Matrix) -> npt.NDArray[np.int64]:
    """The core of each leaf, and for those without one the nearest, [M]."""
    stray = np.flatnonzero(cores < 0)
    if not len(stray):
        return cores
    held = cores >= 0
    sums = np.zeros((cores.max() + 1, places.shape[1]))
    np.add.at(sums, cores[held], places[held])
    means = sums / np.bincount(cores[held])[:, None]
    groups = cores.copy()
    groups[stray] = (places[stray] @ means.T).argmax(axis=1)
    return groups


def _regrow(tree: Matrix, cores: npt.NDArray[np.int64], groups: npt.NDArray[np.int64]) -> Matrix:
    """The tree once more: first within the groups, then what the tree merges of their cores."""
    n_leaves = len(groups)
    rows: list[tuple[int, int, float, float]] = []
    counts = np.ones(2 * n_leaves - 1)

    def merge(first: int, second: int, height: float) -> int:
        node = n_leaves + len(rows)
        counts[node] = counts[first] + counts[second]
        rows.append((min(first, second), max(first, second), height, float(counts[node])))
        return node

    node_of_group: dict[int, int] = {}
    for leaf, group in enumerate(groups.tolist()):
        known = node_of_group.get(group)
        node_of_group[group] = leaf if known is None else merge(known, leaf, 0.0)
    node_of: dict[int, int | None] = {
        leaf: None if core < 0 else node_of_group[core] for leaf, core in enumerate(cores.tolist())
    }
    for step, (first, second, height, _) in enumerate(tree.tolist(), start=n_leaves):
        left, right = node_of[int(first)], node_of[int(second)]
        if left is None or right is None or left == right:
            node_of[step] = right if left is None else left
        else:
            node_of[step] = merge(left, right, height)
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
