from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from ucls.constraints import respect as module
from ucls.constraints.groups import Constraints, close
from ucls.constraints.respect import Respected, respect
from ucls.ensemble import consensus
from ucls.types import Labels, NeighborGraph

NONE = np.zeros((0, 2), np.int64)
Planted = tuple[Labels, NeighborGraph]


def constraints(
    n_images: int,
    labels: dict[int, int] | None = None,
    must: Sequence[Sequence[int]] = (),
    cannot: Sequence[Sequence[int]] = (),
) -> Constraints:
    of_images = np.full(n_images, -1, np.int32)
    for image, label in (labels or {}).items():
        of_images[image] = label
    pairs = (np.array(p, np.int64).reshape(-1, 2) for p in (must, cannot))
    return close(of_images, *pairs, n_labels=int(of_images.max()) + 1)


def respected(
    known: Constraints, graph: NeighborGraph, small: Labels, merged: Labels, n_clusters: int
) -> Respected:
    found = consensus(merged, n_clusters)
    return respect(known, found, graph, by_head=small, voted=merged)


@pytest.fixture(params=range(3))
def planted(request: Any, plant_classes: Any) -> Planted:
    classes, graph = plant_classes([90] * 4, seed=request.param)
    return classes.astype(np.int32), graph


def test_labels_join_and_divide_clusters(planted: Planted, split_classes: Any) -> None:
    classes, graph = planted
    small = split_classes(classes, 12)
    # Heads that were merged wrongly: classes 0 and 1 are one, and parts of class 3 are two.
    part = np.array([0, 0, 2, 3], np.int32)[classes]
    wrong = np.where((classes == 3) & (small % 2 == 0), 1, part).astype(np.int32)
    rows = np.concatenate([np.flatnonzero(classes == c)[::6] for c in range(4)])
    known = constraints(360, {row: int(classes[row]) for row in rows.tolist()})
    result = respected(known, graph, small, wrong, 4)
    assert adjusted_rand_score(classes, consensus(wrong, 4).labels) < 0.8
    assert adjusted_rand_score(classes, result.consensus.labels) == 1
    assert (result.consensus.confidence[rows] == 1).all()
    assert result.consensus.confidence.max() <= 1
    assert result.consensus.cluster_sizes.tolist() == [90] * 4
    assert result.n_unmet == 0


def test_a_class_without_a_label_keeps_its_images_though_a_stray_is_known(
    planted: Planted, split_classes: Any
) -> None:
    classes, graph = planted
    small = split_classes(classes, 12)
    rows = np.flatnonzero(classes == 0)[::3].tolist()
    stray = int(np.flatnonzero(classes == 2)[0])
    known = constraints(360, dict.fromkeys([*rows, stray], 0))
    labels = respected(known, graph, small, np.tile(classes, (3, 1)), 4).consensus.labels
    assert labels[stray] == labels[rows[0]]
    others = np.arange(360) != stray
    assert adjusted_rand_score(classes[others], labels[others]) > 0.97


def test_pairs_are_respected_and_hardly_move_others(planted: Planted, split_classes: Any) -> None:
    classes, graph = planted
    of = [np.flatnonzero(classes == c).tolist() for c in range(4)]
    must, cannot = [(of[0][0], of[1][0]), (of[1][0], of[1][1])], [(of[2][0], of[2][1])]
    merged = np.tile(classes, (3, 1))
    result = respected(
        constraints(360, must=must, cannot=cannot), graph, split_classes(classes, 12), merged, 4
    )
    labels = result.consensus.labels
    assert all(labels[a] == labels[b] for a, b in must)
    assert all(labels[a] != labels[b] for a, b in cannot)
    assert adjusted_rand_score(classes, labels) > 0.9


def test_what_there_are_too_few_clusters_for_is_counted(
    planted: Planted, split_classes: Any
) -> None:
    classes, graph = planted
    pairs = [(a, b) for a in range(5) for b in range(a)]  # five images, four clusters
    merged = np.tile(classes, (3, 1))
    result = respected(constraints(360, cannot=pairs), graph, split_classes(classes, 12), merged, 4)
    assert result.n_unmet == 1
    assert len(set(result.consensus.labels[:5].tolist())) == 4


def test_some_clusters_at_a_time_are_all_at_once(
    planted: Planted, split_classes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    classes, graph = planted
    small, known = split_classes(classes, 12), constraints(360, {0: 0, 100: 1})
    merged = np.tile(classes, (3, 1))
    merged[0, :40] = -1
    whole = respected(known, graph, small, merged, 4).consensus
    monkeypatch.setattr(module, "CELLS_AT_ONCE", 400)
    parts = respected(known, graph, small, merged, 4).consensus
    assert (whole.labels == parts.labels).all()
    np.testing.assert_allclose(whole.confidence, parts.confidence, rtol=1e-6)


def test_images_that_all_heads_miss_follow_those_that_are_known(
    planted: Planted, split_classes: Any
) -> None:
    classes, graph = planted
    small = split_classes(classes, 12)
    merged = np.tile(classes, (3, 1))
    missed = np.flatnonzero(classes == 3)[:5]
    small[:, missed] = merged[:, missed] = -1
    known = constraints(360, {int(np.flatnonzero(classes == 3)[6]): 0})
    assert (respected(known, graph, small, merged, 4).consensus.labels[missed] == 3).all()
