import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage, linkage

from ucls.merging.condensing import condense, join_small
from ucls.merging.wishes import Wishes
from ucls.types import cut_into

# Leaves 0 and 1 merge, 2 and 3 too; 4 is light and joins all in the end.
TREE = np.array([[0.0, 1, 0.2, 2], [2, 3, 0.3, 2], [5, 6, 0.8, 4], [4, 7, 0.9, 5]])
PLACES = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1], [0.6, 0.7]])


def test_a_light_group_joins_the_nearest_first() -> None:
    found = condense(TREE, PLACES, np.array([2.0, 2, 2, 2, 0.5]), least=2.0, at_least=2)
    assert np.bincount(cut_into(TREE, 2)).tolist() == [1, 4]
    cut = cut_into(found, 2)
    assert cut[0] == cut[1]
    assert cut[2] == cut[3] == cut[4]
    assert found[0, 2] == 0.0
    assert found[-1, 2] == 0.8


def test_too_few_heavy_groups_leave_the_tree_as_it_is() -> None:
    masses = np.array([2.0, 2, 2, 2, 0.5])
    assert condense(TREE, PLACES, masses, least=3.0, at_least=3) is TREE


def test_without_light_groups_the_cuts_are_the_same() -> None:
    found = condense(TREE, PLACES, np.ones(5), least=1.0, at_least=2)
    for k in range(1, 6):
        assert np.array_equal(cut_into(found, k), cut_into(TREE, k))


@pytest.mark.parametrize("seed", range(10))
def test_no_cut_down_from_the_heavy_groups_has_a_light_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places, masses = rng.normal(size=(40, 3)), rng.lognormal(0, 1.5, 40)
    tree = linkage(places, "average")
    least = 0.02 * masses.sum()
    found = condense(tree, places, masses, least=least, at_least=2)
    assert is_valid_linkage(found)
    assert (np.diff(found[:, 2]) >= 0).all()
    n_groups = 1 + np.count_nonzero(found[:, 2] > 0)
    for k in range(1, n_groups + 1):
        assert np.bincount(cut_into(found, k), masses).min() >= least


@pytest.mark.parametrize(
    ("least", "sizes"),
    # Of more than 120 images there are no two, so that the largest two of the cut stay.
    [(50, [60, 60, 90, 90]), (80, [90, 90, 120]), (110, [120, 180]), (130, [90, 90, 120])],
)
def test_clusters_join_until_they_are_large_enough(least: int, sizes: list[int]) -> None:
    tree = np.array([[0.0, 1, 0.2, 2], [2, 3, 0.3, 2], [4, 5, 0.8, 4]])
    masses = np.array([60.0, 60, 90, 90])
    found = join_small(tree, PLACES[:4], masses, n_clusters=4, wishes=Wishes(least))
    assert found.n_left == len(sizes)
    assert sorted(np.bincount(cut_into(found.tree, found.n_left), masses)) == sizes
