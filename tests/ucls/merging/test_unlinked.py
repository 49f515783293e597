import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage, linkage

from ucls.merging.unlinked import lightest_first
from ucls.types import cut_into

TREE = np.array([[0.0, 1, 0.5, 2], [4, 2, 1.35, 3], [3, 5, 1.4, 4]])


def test_from_the_height_on_the_two_lightest_merge() -> None:
    found = lightest_first(TREE, np.array([4.0, 4, 2, 1]), height=1.3)
    assert found.tolist() == [[0, 1, 0.5, 2], [2, 3, 1.4, 2], [4, 5, 1.4, 4]]


def test_below_it_all_stays() -> None:
    assert np.array_equal(lightest_first(TREE, np.ones(4), height=2.0), TREE)


def test_a_single_leaf() -> None:
    assert lightest_first(np.zeros((0, 4)), np.ones(1), height=1.3).shape == (0, 4)


@pytest.mark.parametrize("seed", range(5))
def test_cuts_keep_what_was_merged_below_and_join_the_lightest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    places, masses = rng.normal(size=(30, 2)), rng.uniform(1, 9, 30)
    tree = linkage(places, "average")
    height = float(tree[20, 2])
    found = lightest_first(tree, masses, height=height)
    assert is_valid_linkage(found)
    n_left = 30 - int(np.searchsorted(tree[:, 2], height))
    before, after = cut_into(tree, n_left), cut_into(found, n_left)
    assert np.array_equal(before, after)
    weights = np.sort(np.bincount(before, masses))
    joined = np.sort(np.bincount(cut_into(found, n_left - 1), masses))
    np.testing.assert_allclose(joined, np.sort([weights[:2].sum(), *weights[2:]]))
