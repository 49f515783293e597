import numpy as np
import pytest

from ucls.constraints.groups import Constraints
from ucls.constraints.placing import place, place_where_most_are


def constraints(n_groups: int, apart: list[tuple[int, int]], n_labels: int = 0) -> Constraints:
    pairs = np.array(apart, np.int64).reshape(-1, 2)
    return Constraints(np.arange(n_groups, dtype=np.int32), pairs, n_labels)


def test_labels_have_clusters_of_their_own_with_the_most_evidence() -> None:
    evidence = np.array([[5.0, 4.0, 0.0], [5.0, 0.0, 0.0]])
    assert place(constraints(2, [], 2), evidence).clusters.tolist() == [1, 0]


def test_the_surest_stay_and_others_give_way() -> None:
    evidence = np.array([[0.7, 0.4, 0.0], [2.0, 0.1, 0.0], [0.5, 0.3, 0.2], [0.9, 0.0, 0.1]])
    placed = place(constraints(4, [(0, 1), (0, 2), (1, 2)]), evidence)
    assert placed.clusters.tolist() == [1, 0, 2, 0]
    assert placed.n_unmet == 0


def test_what_cannot_be_met_is_counted() -> None:
    evidence = np.array([[1.0, 0.5], [1.0, 0.4], [0.9, 0.6]])
    placed = place(constraints(3, [(0, 1), (0, 2), (1, 2)]), evidence)
    assert placed.n_unmet == 1
    assert sorted(np.bincount(placed.clusters).tolist()) == [1, 2]


def test_groups_give_way_to_labels() -> None:
    evidence = np.array([[0.2, 0.1], [9.0, 1.0]])
    assert place(constraints(2, [(0, 1)], 1), evidence).clusters.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_with_fewer_partners_than_clusters_all_are_met(seed: int) -> None:
    rng = np.random.default_rng(seed)
    apart = [(i, (i + step) % 40) for i in range(40) for step in (1, 2)]  # four partners each
    placed = place(constraints(40, apart), rng.random((40, 5)))
    assert placed.n_unmet == 0


def test_no_group_is_no_cluster() -> None:
    placed = place(constraints(0, []), np.zeros((0, 3)))
    assert (placed.clusters.shape, placed.n_unmet) == ((0,), 0)


def test_groups_go_where_most_of_their_images_are() -> None:
    group_of = np.array([0, 0, 0, 1, 1, -1], np.int32)
    known = Constraints(group_of, np.empty((0, 2), np.int64), 0)
    clusters = np.array([2, 2, 0, -1, 1, 0], np.int32)
    assert place_where_most_are(known, clusters, n_clusters=3).tolist() == [2, 1]
    weights = np.array([1.0, 1.0, 3.0, 1.0, 1.0, 1.0])
    assert place_where_most_are(known, clusters, n_clusters=3, weights=weights).tolist() == [0, 1]
