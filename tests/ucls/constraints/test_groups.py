import numpy as np
import pytest

from ucls.constraints.groups import Constraints, close
from ucls.errors import UsageError

NONE = np.zeros((0, 2), np.int64)


def closed(
    labels: list[int], must: list[list[int]], cannot: list[list[int]], n_labels: int = 0
) -> Constraints:
    pairs = (np.array(p, np.int64).reshape(-1, 2) for p in (must, cannot))
    return close(
        np.array(labels, np.int32), *pairs, n_labels=n_labels, name_of="abcdefgh".__getitem__
    )


def test_links_are_closed_and_labels_are_groups_of_their_own() -> None:
    known = closed([1, -1, 0, -1, -1, -1, -1, 1], [[0, 1], [3, 4], [4, 3]], [[4, 5], [1, 2]], 2)
    assert known.group_of.tolist() == [1, 1, 0, 2, 2, 3, -1, 1]
    assert known.apart.tolist() == [[2, 3]]  # labels are apart anyway
    assert (known.n_labels, known.n_groups) == (2, 4)
    assert known.first(3).group_of.tolist() == [1, 1, 0]
    assert known.first(3).n_groups == 2


def test_a_group_and_a_label_may_belong_apart() -> None:
    known = closed([0, 1, -1, -1], [[2, 3]], [[3, 0]], 2)
    assert known.apart.tolist() == [[0, 2]]


def test_nothing_is_no_group() -> None:
    known = closed([-1, -1], [], [])
    assert (known.group_of.tolist(), known.n_groups, len(known.apart)) == ([-1, -1], 0, 0)


@pytest.mark.parametrize(
    ("must", "cannot", "told"),
    [
        ([[0, 1], [1, 2]], [[0, 2]], "a and c cannot be in one cluster, .* there through b"),
        ([[0, 1]], [[1, 0]], "b and a cannot be in one cluster, but must-links or a label put them "
         "there: leave"),
        ([], [[3, 3]], "d and d cannot be"),
        ([], [[6, 7]], "g and h cannot be in one cluster, but must-links or a label put"),
        ([[6, 1], [1, 5]], [], "f and g have different labels, but are linked through b: leave"),
        ([[7, 5]], [], "f and h have different labels, but are linked: leave"),
        ([[i, i + 1] for i in range(5)], [[0, 5]], "through b, c, d, e: leave"),
    ],
)  # fmt: skip
def test_contradictions_name_the_images(
    must: list[list[int]], cannot: list[list[int]], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        closed([-1] * 5 + [0, 1, 1], must, cannot, 2)
