from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster.hierarchy import cut_tree, fcluster, is_valid_linkage
from sklearn.metrics import adjusted_rand_score

from ucls.merging.agglomeration import agglomerate
from ucls.merging.links import ClusterLinks, Edges, count_links
from ucls.types import cut_into

Array = npt.NDArray[Any]


def random_links(seed: int, n_clusters: int = 12, *, spread: float = 1.0) -> ClusterLinks:
    rng = np.random.default_rng(seed)
    one_way = rng.lognormal(0.0, spread, (n_clusters, n_clusters))
    one_way += 20 * rng.random(n_clusters) * np.eye(n_clusters)
    return ClusterLinks(one_way + one_way.T, rng.integers(1, 50, n_clusters))


def naive_tree(clusters: ClusterLinks, groups: list[int]) -> Array:
    """All pairs looked at before each merge, from the links between the leaves themselves."""
    nodes = {leaf: [leaf] for leaf in range(len(clusters.sizes))}
    unit = clusters.links.sum() / clusters.sizes.sum() ** 2

    def group_of(node: int) -> set[int]:
        return {groups[leaf] for leaf in nodes[node]}

    def how_close(one: int, other: int) -> float:
        shared = clusters.links[np.ix_(nodes[one], nodes[other])].sum()
        size, other_size = clusters.sizes[nodes[one]].sum(), clusters.sizes[nodes[other]].sum()
        return float(shared / (size * other_size))

    tree = []
    while len(nodes) > 1:
        pairs = list(combinations(sorted(nodes), 2))
        alike = [(a, b) for a, b in pairs if group_of(a) == group_of(b)]
        first, second = max(alike or pairs, key=lambda pair: how_close(*pair))
        distance = unit / how_close(first, second)
        leaves = nodes.pop(first) + nodes.pop(second)
        nodes[len(clusters.sizes) + len(tree)] = leaves
        tree.append([first, second, distance, len(leaves)])
    result = np.array(tree)
    result[:, 2] = np.maximum.accumulate(result[:, 2])
    return result


@pytest.mark.parametrize("seed", range(10))
def test_the_tree_is_that_of_looking_at_all_pairs(seed: int) -> None:
    clusters = random_links(seed)
    expected = naive_tree(clusters, [0] * 12)
    np.testing.assert_allclose(agglomerate(clusters), expected)


@pytest.mark.parametrize("seed", range(10))
def test_groups_are_merged_before_any_of_different_groups(seed: int) -> None:
    clusters = random_links(seed)
    groups = np.random.default_rng(seed).integers(0, 4, 12).astype(np.int32)
    tree = agglomerate(clusters, groups=groups)
    np.testing.assert_allclose(tree, naive_tree(clusters, groups.tolist()))
    kept = cut_into(tree, len(np.unique(groups)))
    assert adjusted_rand_score(groups, kept) == 1


@pytest.mark.parametrize("has_groups", [True, False])
def test_the_links_and_groups_given_stay_as_they_are(has_groups: bool) -> None:
    clusters, before = random_links(0), random_links(0)
    groups = np.arange(12, dtype=np.int32) % 3
    agglomerate(clusters, groups=groups if has_groups else None)
    np.testing.assert_array_equal(clusters.links, before.links)
    np.testing.assert_array_equal(clusters.sizes, before.sizes)
    assert groups.tolist() == [0, 1, 2] * 4


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("n_groups", [1, 4])
def test_scipy_reads_the_tree_and_cuts_it_alike(seed: int, n_groups: int) -> None:
    groups = (np.arange(12) % n_groups).astype(np.int32)
    tree = agglomerate(random_links(seed, spread=3.0), groups=groups)
    assert is_valid_linkage(tree)
    # Where two merges lie at the same distance, SciPy may take them in either order.
    distinct = [k for k in range(2, 12) if tree[11 - k, 2] < tree[12 - k, 2]]
    assert len(distinct) >= 6
    for k in distinct:
        found = cut_into(tree, k)
        assert len(np.unique(found)) == k
        for scipys in (fcluster(tree, k, "maxclust"), cut_tree(tree, k).ravel()):
            assert adjusted_rand_score(found, scipys) == 1


@pytest.mark.parametrize("seed", range(5))
def test_average_is_the_mean_number_of_links_between_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(5), [3, 9, 5, 12, 11])).astype(np.int32)
    edges = Edges(*rng.integers(0, 40, (2, 900)).astype(np.int32))
    adjacency = np.zeros((40, 40))
    np.add.at(adjacency, (edges.sources, edges.targets), 1)
    adjacency += adjacency.T
    tree = agglomerate(count_links(labels, 5, edges))
    members = {cluster: labels == cluster for cluster in range(5)}
    for step, (first, second, distance, _) in enumerate(tree):
        means = {
            pair: adjacency[np.ix_(members[pair[0]], members[pair[1]])].mean()
            for pair in combinations(members, 2)
        }
        closest = max(means, key=means.__getitem__)
        assert set(closest) == {int(first), int(second)}
        assert distance == pytest.approx(adjacency.mean() / means[closest])
        members[5 + step] = members.pop(int(first)) | members.pop(int(second))


def test_a_distance_of_one_is_as_close_as_all_images_are() -> None:
    links = np.outer([2.0, 3, 5], [2, 3, 5])
    tree = agglomerate(ClusterLinks(links, np.array([2, 3, 5])))
    np.testing.assert_allclose(tree[:, 2], 1.0)


@pytest.mark.parametrize("n_clusters", [1, 2, 5, 12])
def test_a_cut_leaves_as_many_as_wanted_numbered_from_0(n_clusters: int) -> None:
    found = cut_into(agglomerate(random_links(1)), n_clusters)
    assert found.dtype == np.int32
    assert np.unique(found).tolist() == list(range(n_clusters))


def test_cuts_are_nested() -> None:
    tree = agglomerate(random_links(2))
    for k in range(2, 13):
        finer, coarser = cut_into(tree, k), cut_into(tree, k - 1)
        assert len(set(zip(finer.tolist(), coarser.tolist(), strict=True))) == k


def test_fewer_leaves_than_wanted_are_not_merged() -> None:
    assert cut_into(agglomerate(random_links(0, 3)), 7).tolist() == [0, 1, 2]


def test_a_single_cluster() -> None:
    tree = agglomerate(ClusterLinks(np.array([[4.0]]), np.array([2])))
    assert tree.shape == (0, 4)
    assert cut_into(tree, 1).tolist() == [0]
