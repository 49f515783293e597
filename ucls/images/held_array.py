"""Features that are in memory only while they are read."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.feature_readers.stored import StoredArray

HELD_BYTES = 2**30
"""Smaller arrays are read once, larger ones in blocks of this size."""


class HeldArray:
    """Features [N, D] of a file, which can be let go once they are cached.

    Args:
        stored: what reads them, also for rows that are asked for after :meth:`release`.
        held_bytes: how much of them is in memory at a time, where they can be read in parts.
    """

    def __init__(self, stored: StoredArray, *, held_bytes: int = HELD_BYTES) -> None:
        self.shape, self.dtype = stored.shape, stored.dtype
        self._stored = stored
        n_bytes_of_row = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        n_rows = held_bytes // max(n_bytes_of_row, 1) if stored.is_divisible else len(self)
        self._n_held = max(n_rows, 1)
        self._first = 0
        self._block: NDArray[Any] | None = None

    @property
    def is_in_memory(self) -> bool:
        """Whether some rows can be had without reading the file again."""
        return self._block is not None

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: int | slice | NDArray[np.integer]) -> NDArray[Any]:
        """Returns some rows.

        Raises:
            UsageError: if the file can no longer be read, or holds others than before.
        """
        if self._n_held >= len(self):
            return self._block_of(0)[rows]
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            first = start - start % self._n_held
            is_within = stop <= first + self._n_held
            return (
                self._block_of(first)[start - first : stop - first]
                if is_within
                else self._read(start, stop)
            )
        return np.concatenate([self[row : row + 1] for row in np.atleast_1d(rows).tolist()])

    def release(self) -> None:
        """Frees the memory."""
        self._block = None

    def _block_of(self, first: int) -> NDArray[Any]:
        if self._block is None or first != self._first:
            self._block = None  # before the next is read
            self._block = self._read(first, min(first + self._n_held, len(self)))
            self._first = first
        return self._block

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        values = self._stored.read(slice(start, stop))
        if (values.shape, values.dtype) != ((stop - start, *self.shape[1:]), self.dtype):
            raise UsageError(
                "the feature file changed while it was in use; run the same command again"
            )
        return values
