from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.merging.diffusion import diffusion_map, diffusion_tree
from ucls.merging.links import ClusterLinks
from ucls.types import cut_into


def planted(counts: list[int], seed: int = 0, between: float = 0.02) -> ClusterLinks:
    """Clusters of groups of so many, linked as images of equal density are."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(counts)), counts)
    sizes = rng.integers(20, 60, len(groups))
    density = np.where(groups[:, None] == groups, 1.0, between) * rng.uniform(
        0.7, 1.3, (len(groups), len(groups))
    )
    links = density * np.outer(sizes, sizes)
    return ClusterLinks(links + links.T, sizes)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("counts", [[6] * 5, [40, 4, 4, 4], [30, 12, 6, 3, 3]])
def test_groups_of_any_size_are_found(counts: list[int], seed: int) -> None:
    truth = np.repeat(np.arange(len(counts)), counts)
    tree = diffusion_tree(planted(counts, seed), len(counts), n_heads=2).tree
    assert adjusted_rand_score(truth, cut_into(tree, len(counts))) == 1


def test_the_order_of_clusters_does_not_matter() -> None:
    links = planted([9, 5, 4], between=0.3)
    order = np.random.default_rng(1).permutation(18)
    turned = ClusterLinks(links.links[np.ix_(order, order)], links.sizes[order])
    one = cut_into(diffusion_tree(links, 3, n_heads=1).tree, 3)
    other = cut_into(diffusion_tree(turned, 3, n_heads=1).tree, 3)
    assert adjusted_rand_score(one[order], other) == 1


def equal_blocks(n_blocks: int, within: float, between: float) -> ClusterLinks:
    """Two clusters of size 1 in each block."""
    links = np.full((2 * n_blocks, 2 * n_blocks), between)
    for block in range(n_blocks):
        links[2 * block : 2 * block + 2, 2 * block : 2 * block + 2] = within
    return ClusterLinks(links, np.ones(2 * n_blocks, np.int64))


@pytest.mark.parametrize("between", [0.3, 0.6])
def test_a_tenth_is_left_of_the_mode_of_the_last_cluster(between: float) -> None:
    """Of b blocks a step leaves (w - 2 q) / (w + 2 (b - 1) q)."""
    found = diffusion_map(equal_blocks(3, 4.0, between), 3)
    kept = (4 - 2 * between) / (4 + 4 * between)
    assert found.steps == pytest.approx(np.log(0.1) / np.log(kept))
    np.testing.assert_allclose(np.linalg.norm(found.places, axis=1), 1.0)


@pytest.mark.parametrize(("between", "steps"), [(1e-6, 8.0), (4.0, 1.0)])
def test_steps_have_limits(between: float, steps: float) -> None:
    assert diffusion_map(equal_blocks(3, 4.0, between), 3).steps == steps


@pytest.mark.parametrize(("wanted", "clearest"), [(5, None), (4, 5), (7, 5)])
def test_the_number_that_the_modes_tell(wanted: int, clearest: int | None) -> None:
    assert diffusion_map(planted([6] * 5), wanted).clearest == clearest


def test_nothing_is_told_where_clusters_overlap() -> None:
    assert diffusion_map(planted([6] * 5, between=0.6), 4).clearest is None


@pytest.mark.parametrize("n_clusters", [2, 3, 9])
def test_no_more_leaves_than_wanted(n_clusters: int) -> None:
    tree = diffusion_tree(planted([1, 1]), n_clusters, n_heads=1).tree
    assert cut_into(tree, n_clusters).tolist() == [0, 1]


def test_a_single_leaf() -> None:
    links = ClusterLinks(np.array([[4.0]]), np.array([2]))
    assert diffusion_tree(links, 2, n_heads=1).tree.shape == (0, 4)


def test_heights_rise_and_cuts_are_nested() -> None:
    tree = diffusion_tree(planted([5, 9, 3], between=0.4), 3, n_heads=1).tree
    assert (np.diff(tree[:, 2]) >= 0).all()
    for finer, coarser in pairwise(cut_into(tree, k) for k in range(17, 0, -1)):
        assert len(set(zip(finer.tolist(), coarser.tolist(), strict=True))) == finer.max() + 1
