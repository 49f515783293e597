import numpy as np
import pytest

from tests.ucls.merging.test_division import groups
from ucls.merging.links import cut_share, mutual_links
from ucls.merging.sizes import compare_sizes
from ucls.types import Labels

EQUAL = (80,) * 5
UNEQUAL = (240, 60, 50, 30, 20)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("sizes", "look_equal"), [(EQUAL, True), (UNEQUAL, False)])
def test_parts_of_like_size_fit_equal_classes_alone(
    sizes: tuple[int, ...], look_equal: bool, seed: int
) -> None:
    graph, truth = groups(seed=seed, sizes=sizes)
    found = compare_sizes(np.stack([truth, truth]), graph, 5)
    assert found.look_equal == look_equal
    assert found.free == pytest.approx(cut_share(truth, mutual_links(graph, 5)))
    assert (found.alike > found.free) == (not look_equal)


def test_heads_that_tear_and_lump_equal_classes_do_not_hide_them() -> None:
    graph, truth = groups(sizes=EQUAL)
    torn: Labels = np.array([0, 1, 2, 3, 3], np.int32)[truth]
    torn[np.flatnonzero(truth == 0)[:40]] = 4
    assert compare_sizes(torn[None], graph, 5).look_equal


def test_missing_labels_and_empty_clusters_are_borne() -> None:
    graph, truth = groups(sizes=UNEQUAL)
    heads = np.stack([truth, np.where(truth == 4, 3, truth)])
    heads[:, :5] = -1
    assert not compare_sizes(heads, graph, 5).look_equal
