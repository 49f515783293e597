import numpy as np
import pytest
from numpy.typing import NDArray

from ucls.tables import Rows, RowTable, split_columns

FEATURES = np.arange(40, dtype=np.float32).reshape(10, 4)


def table() -> RowTable:
    return RowTable(lambda rows: FEATURES[rows].copy(), FEATURES.shape, FEATURES.dtype)


@pytest.mark.parametrize("rows", [slice(None), slice(2, 7), slice(1, 99, 3), np.array([7, 0, 7])])
def test_rows_are_those_of_an_array(rows: Rows) -> None:
    np.testing.assert_array_equal(table()[rows], FEATURES[rows])


def test_it_is_as_large_as_the_array() -> None:
    assert (len(table()), table().shape, table().ndim) == (10, (10, 4), 2)
    assert table().dtype == np.float32


def test_rows_come_one_by_one_and_are_read_in_few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ucls.tables.CHUNK", 4)
    asked: list[Rows] = []

    def read(rows: Rows) -> NDArray[np.float32]:
        asked.append(rows)
        return FEATURES[rows]

    np.testing.assert_array_equal(list(RowTable(read, (10, 4), np.float32)), FEATURES)
    assert len(asked) == 3


def test_what_is_made_of_rows_is_made_when_they_are_asked_for() -> None:
    doubled = table().changed(lambda rows: 2.0 * rows[:, :1].astype(np.float64), 1, np.float64)
    assert (doubled.shape, doubled.dtype) == ((10, 1), np.float64)
    np.testing.assert_array_equal(doubled[3:5], 2 * FEATURES[3:5, :1])


@pytest.mark.parametrize("features", [FEATURES, table()], ids=["array", "table"])
def test_columns_are_taken_apart(features: NDArray[np.float32] | RowTable) -> None:
    first, second = split_columns(features, [1, 3])
    assert (first.shape, second.shape) == ((10, 1), (10, 3))
    np.testing.assert_array_equal(first[2:4], FEATURES[2:4, :1])
    np.testing.assert_array_equal(second[2:4], FEATURES[2:4, 1:])
