from dataclasses import replace

import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.feature_readers.stored import StoredArray
from ucls.images.held_array import HeldArray


def counted(array: np.ndarray, **options: bool) -> tuple[StoredArray, list[slice]]:
    """An array, and what was read of it."""
    reads: list[slice] = []
    stored = StoredArray(
        array.shape, array.dtype, lambda rows: reads.append(rows) or array[rows], **options
    )
    return stored, reads


def test_what_fits_is_read_once_until_it_is_released() -> None:
    array = np.arange(12.0).reshape(4, 3)
    stored, reads = counted(array)
    held = HeldArray(stored)
    assert (held.shape, held.dtype, len(held), held.is_in_memory) == ((4, 3), array.dtype, 4, False)
    for n_read in (1, 2):
        np.testing.assert_array_equal(held[np.array([3, 0])], array[[3, 0]])
        np.testing.assert_array_equal(held[1:3], array[1:3])
        assert held.is_in_memory
        assert len(reads) == n_read
        held.release()


@pytest.mark.parametrize("n_held", [1, 2, 3, 5, 7, 100])
def test_a_block_at_a_time_gives_the_same_rows(n_held: int) -> None:
    array = np.arange(21.0).reshape(7, 3)
    stored, reads = counted(array)
    held = HeldArray(stored, held_bytes=n_held * 24)
    for row in range(7):
        np.testing.assert_array_equal(held[row : row + 1], array[row : row + 1])
    assert len(reads) == -(-7 // n_held)
    assert max(part.stop - part.start for part in reads) <= n_held
    np.testing.assert_array_equal(held[:], array)
    np.testing.assert_array_equal(held[2:6], array[2:6])
    np.testing.assert_array_equal(held[np.array([6, 0, 3])], array[[6, 0, 3]])


def test_what_cannot_be_divided_is_read_whole() -> None:
    stored, reads = counted(np.arange(12.0).reshape(4, 3), is_divisible=False)
    held = HeldArray(stored, held_bytes=1)
    held[0:1], held[3:4]
    assert reads == [slice(0, 4)]


@pytest.mark.parametrize("other", [np.zeros((5, 3)), np.zeros((4, 3), "f4"), np.zeros((4, 2))])
def test_a_file_that_changed_is_refused(other: np.ndarray) -> None:
    stored = replace(StoredArray.held(np.zeros((4, 3))), read=lambda _: other)
    with pytest.raises(UsageError, match="changed while it was in use"):
        HeldArray(stored)[:2]
