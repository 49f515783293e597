from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.merging.links import nearest_edges
from ucls.merging.together import merge_together

SIZES = [400, 60, 60, 40, 40]


def test_all_heads_have_one_tree_and_a_cut_means_the_same_in_each(
    plant_classes: Any, split_classes: Any
) -> None:
    classes, graph = plant_classes(SIZES)
    heads = split_classes(classes, 15, n_heads=4)
    found = merge_together(heads, 5, head_clusters=[15] * 4, edges=nearest_edges(graph))
    assert all(head.tree is found.heads[0].tree for head in found.heads)
    for k in (2, 5, 8):
        cuts = [head.cut(k)[labels] for head, labels in zip(found.heads, heads, strict=True)]
        if k <= 5:
            assert all(np.array_equal(cuts[0], other) for other in cuts)
    assert adjusted_rand_score(classes, found.heads[0].cut(5)[heads[0]]) == 1


def test_heads_beyond_the_largest_tree_go_where_they_overlap(
    plant_classes: Any, split_classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.merging.together.MOST_LEAVES", 30)
    classes, graph = plant_classes(SIZES)
    heads = split_classes(classes, 15, n_heads=5)
    found = merge_together(heads, 5, head_clusters=[15] * 5, edges=nearest_edges(graph)).heads
    assert len(found[0].tree) == 29
    for head, labels in zip(found, heads, strict=True):
        assert adjusted_rand_score(classes, head.cut(5)[labels]) == 1
        assert head.n_filled == 15


def test_two_heads_at_least_make_the_tree(
    plant_classes: Any, split_classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.merging.together.MOST_LEAVES", 1)
    classes, graph = plant_classes(SIZES)
    heads = split_classes(classes, 15, n_heads=3)
    found = merge_together(heads, 5, head_clusters=[15] * 3, edges=nearest_edges(graph)).heads
    assert len(found[0].tree) == 29


@pytest.mark.parametrize("most", [4000, 1])
def test_empty_clusters_and_missing_labels(
    most: int, plant_classes: Any, split_classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ucls.merging.together.MOST_LEAVES", most)
    classes, graph = plant_classes(SIZES)
    heads = split_classes(classes, 15, n_heads=3)
    heads[:, ::7] = -1
    found = merge_together(heads, 5, head_clusters=[17] * 3, edges=nearest_edges(graph)).heads
    for head in found:
        assert head.leaf_of[15:].tolist() == [-1, -1]
        assert head.cut(5)[15:].tolist() == [-1, -1]
