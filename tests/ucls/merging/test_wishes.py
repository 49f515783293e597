from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.merging.merge import merge_heads
from ucls.merging.wishes import Wishes


@pytest.mark.parametrize("seed", range(3))
def test_small_clusters_join_others_and_fewer_are_left(
    seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes([200, 150, 100, 15, 10], seed=seed)
    heads = split_classes(classes, 15, seed=seed)
    options = {"head_clusters": [15] * 3}
    merged = merge_heads(heads, graph, 5, wishes=Wishes(30), **options)
    assert (merged.linkage, merged.n_left) == ("diffusion", 3)
    for head, mapped in zip(heads, merged.heads, strict=True):
        found = mapped.cut(3)[head]
        assert np.bincount(found).min() >= 30
        assert adjusted_rand_score(classes[:450], found[:450]) == 1
    # Where all are large enough, all are left.
    assert merge_heads(heads, graph, 5, wishes=Wishes(8), **options).n_left is None


def test_two_clusters_are_always_left(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes([60, 60, 40])
    heads = split_classes(classes, 9)
    merged = merge_heads(heads, graph, 3, head_clusters=[9] * 3, wishes=Wishes(10_000))
    assert merged.n_left == 2


def test_as_many_clusters_are_left_as_wished(plant_classes: Any, split_classes: Any) -> None:
    classes, graph = plant_classes([200, 150, 100, 15, 10])
    heads = split_classes(classes, 15)
    options = {"head_clusters": [15] * 3}
    merged = merge_heads(heads, graph, 5, wishes=Wishes(30, at_least=4), **options)
    assert merged.n_left == 4
    merged = merge_heads(heads, graph, 5, wishes=Wishes(30, at_least=5), **options)
    assert merged.n_left is None
