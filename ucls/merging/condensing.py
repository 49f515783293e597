"""Merge trees in which small groups count as stray and join others first.

Shapes: M leaves.
"""

import numpy as np
import numpy.typing as npt

from ucls.merging.links import Matrix

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
