"""Arrays told apart by their dtype, shape and bytes."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ucls.images.held_array import HeldArray

_ROWS_AT_ONCE = 4_096


class Fingerprint:
    """The sha256 of an array that comes in parts.

    Args:
        array: whose dtype and shape count.
    """

    def __init__(self, array: "NDArray[Any] | HeldArray") -> None:
        self._digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())

    def add(self, rows: NDArray[Any]) -> None:
        """Takes the rows that follow."""
        self._digest.update(np.ascontiguousarray(rows).data)

    def hexdigest(self) -> str:
        """All as hexadecimal digits."""
        return self._digest.hexdigest()


def chunks(array: "NDArray[Any] | HeldArray") -> Iterator[tuple[int, NDArray[Any]]]:
    """Yields some rows at a time, with the number of the first."""
    for start in range(0, len(array), _ROWS_AT_ONCE):
        yield start, array[start : start + _ROWS_AT_ONCE]


def fingerprint_array(array: NDArray[Any]) -> str:
    """Returns the sha256 of an array's dtype, shape and bytes, as hexadecimal digits."""
    fingerprint = Fingerprint(array)
    for _, rows in chunks(array):
        fingerprint.add(rows)
    return fingerprint.hexdigest()
