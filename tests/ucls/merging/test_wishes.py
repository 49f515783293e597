from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.merging.merge import merge_heads
from ucls.merging.wishes import Wishes, majority_labels


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


@pytest.mark.parametrize("seed", range(3))
def test_known_labels_join_and_keep_apart(
    seed: int, plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes([90] * 6, seed=seed)
    heads = split_classes(classes, 18, seed=seed)
    # Classes 0 and 1 have one label; of every part of them something is known, as of class 5.
    known = np.select([classes <= 1, classes == 5], [0, 1], -1).astype(np.int32)
    merged = merge_heads(heads, graph, 5, head_clusters=[18] * 3, wishes=Wishes(known=known))
    assert merged.linkage == "diffusion"
    for head, mapped in zip(heads, merged.heads, strict=True):
        found = mapped.cut(5)[head]
        assert adjusted_rand_score(np.maximum(classes, 1), found) == 1
        # Even in two clusters different labels are not in one.
        two = mapped.cut(2)[head]
        assert len(set(two[known == 0].tolist())) == len(set(two[known == 1].tolist())) == 1
        assert two[known == 0][0] != two[known == 1][0]


def test_a_cluster_has_the_label_of_more_than_half_of_its_known_images() -> None:
    by_head = np.array([[0, 0, 0, 1, 1, 2, -1], [1, 1, 0, 0, 0, 0, 0]], np.int32)
    known = np.array([3, 3, 1, 0, 1, -1, 2], np.int32)
    assert majority_labels(by_head, known, [4, 2]).tolist() == [3, -1, -1, -1, -1, 3]
    unknown = np.full(7, -1, np.int32)
    assert majority_labels(by_head, unknown, [4, 2]).tolist() == [-1] * 6
