from typing import Any

import numpy as np
import pytest

from ucls.estimators.known import check_known, check_room


def test_labels_are_numbered_and_pairs_join_them() -> None:
    known = check_known([-1, 7, 30, -1, -1], [[0, 1]], [[3, 4]], n_samples=5)
    assert known is not None
    assert known.names == [7, 30]
    assert known.constraints.group_of.tolist() == [0, 0, 1, 2, 3]
    assert known.constraints.apart.tolist() == [[2, 3]]
    assert known.clusters(np.array([4, 2], np.int32)) == {7: 4, 30: 2}


@pytest.mark.parametrize("labels", [None, [-1, -1, -1]])
@pytest.mark.parametrize("pairs", [None, [], np.empty((0, 2))])
def test_nothing_known_is_none(labels: Any, pairs: Any) -> None:
    assert check_known(labels, pairs, pairs, n_samples=3) is None


@pytest.mark.parametrize(
    ("labels", "must", "cannot", "told"),
    [
        ([0, 1], None, None, r"one label for each of the 3 samples.* got the shape \(2,\)"),
        ([0, 1, -2], None, None, "-1 .* or labels from 0, got -2"),
        (["a", "b", "c"], None, None, "known_labels must be integers, got <U1"),
        ([0.0, np.nan, 1.0], None, None, "known_labels must be integers, got float64"),
        (None, [0, 1], None, r"must_link must be pairs .* got the shape \(2,\)"),
        (None, None, [[0, 3]], r"cannot_link must be rows in 0..2, got 3"),
        (None, [[-1, 0]], None, r"must_link must be rows in 0..2, got -1"),
        ([0, 1, -1], [[0, 1]], None, "sample 0 and sample 1 have different labels"),
        (None, [[0, 1]], [[1, 0]], "sample 1 and sample 0 cannot be in one cluster"),
    ],
)
def test_what_cannot_be_used_is_told(labels: Any, must: Any, cannot: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check_known(labels, must, cannot, n_samples=3)


def test_every_label_needs_a_cluster() -> None:
    known = check_known([0, 1, 5], None, None, n_samples=3)
    check_room(known, 3)
    with pytest.raises(ValueError, match=r"has 3 labels, but n_clusters=2 .* n_clusters=3 or more"):
        check_room(known, 2)
