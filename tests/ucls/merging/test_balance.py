from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from ucls.merging.balance import HEADS_LOOKED_AT, closest_pair, looks_unequal
from ucls.merging.links import ClusterLinks

Array = npt.NDArray[Any]

EQUAL = [60] * 5
UNEQUAL = [300, 30, 30, 30, 30]


@pytest.mark.parametrize("seed", range(3))
def test_heads_of_equal_classes_look_equal(seed: int, plant_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL, seed=seed)
    heads = np.stack([classes] * 3).astype(np.int32)
    assert not looks_unequal(heads, graph, 5)


@pytest.mark.parametrize("seed", range(3))
def test_heads_that_split_a_large_class_look_unequal(
    seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(UNEQUAL, seed=seed)
    small_ones_together = np.minimum(classes, 1)
    heads = split_classes(small_ones_together, 5, seed=seed)
    assert looks_unequal(heads, graph, 5)


def test_the_median_of_the_first_heads_decides(plant_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    sound = classes.astype(np.int32)
    splitting = np.where(classes == 3, 4, classes).astype(np.int32)
    splitting[:30] = 3
    heads = [splitting] * 3 + [sound] * (HEADS_LOOKED_AT - 3)
    assert not looks_unequal(np.stack(heads + [splitting] * 20), graph, 5)
    heads = [splitting] * 5 + [sound] * (HEADS_LOOKED_AT - 5)
    assert looks_unequal(np.stack(heads + [sound] * 20), graph, 5)


def test_missing_labels_and_empty_clusters_have_no_part(plant_classes: Any) -> None:
    classes, graph = plant_classes(EQUAL)
    head = classes.astype(np.int32)
    head[::7] = -1
    assert not looks_unequal(head[None], graph, 9)


def test_how_closely_two_clusters_are_linked() -> None:
    links = np.array([[100.0, 15, 0], [15, 400, 0], [0, 0, 50]])
    clusters = ClusterLinks(links, np.array([10, 20, 5]))
    expected = (15 / 200) / np.sqrt((100 / 100) * (400 / 400))
    assert closest_pair(clusters) == pytest.approx(expected, rel=0.05)
    assert closest_pair(ClusterLinks(np.outer([2.0, 3, 9], [2, 3, 9]), np.array([2, 3, 9]))) == (
        pytest.approx(1.0)
    )


def test_a_single_cluster_has_no_other() -> None:
    assert closest_pair(ClusterLinks(np.array([[4.0, 0], [0, 0]]), np.array([2, 0]))) == 0
