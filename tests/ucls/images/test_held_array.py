import numpy as np
import pytest

from ucls.errors import UsageError
from ucls.images.held_array import HeldArray


def test_rows_are_the_same_before_and_after_release() -> None:
    array, n_read = np.arange(12.0).reshape(4, 3), []

    def read() -> np.ndarray:
        n_read.append(1)
        return array

    held = HeldArray(array, read)
    np.testing.assert_array_equal(held[1:3], array[1:3])
    assert (held.shape, held.dtype, len(held), n_read) == ((4, 3), array.dtype, 4, [])
    for _ in range(2):
        held.release()
        np.testing.assert_array_equal(held[np.array([3, 0])], array[[3, 0]])
        held[:1]
    assert len(n_read) == 2


@pytest.mark.parametrize("other", [np.zeros((5, 3)), np.zeros((4, 3), "f4")])
def test_a_file_that_changed_is_refused(other: np.ndarray) -> None:
    held = HeldArray(np.zeros((4, 3)), lambda: other)
    held.release()
    with pytest.raises(UsageError, match="changed while it was in use"):
        held[:2]
