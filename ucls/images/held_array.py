"""Features that are in memory only while they are read."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError


class HeldArray:
    """Features [N, D] of a file, which can be let go once they are cached.

    Args:
        array: the features.
        read: reads them again, for rows that are asked for after :meth:`release`.
    """

    def __init__(self, array: NDArray[Any], read: Callable[[], NDArray[Any]]) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self._array: NDArray[Any] | None = array
        self._read = read

    @property
    def is_in_memory(self) -> bool:
        """Whether rows can be had without reading the file again."""
        return self._array is not None

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: slice | NDArray[np.integer]) -> NDArray[Any]:
        """Returns some rows.

        Raises:
            UsageError: if the file can no longer be read, or holds others than before.
        """
        if self._array is None:
            self._array = self._read()
            if (self._array.shape, self._array.dtype) != (self.shape, self.dtype):
                raise UsageError(
                    "the feature file changed while it was in use; run the same command again"
                )
        return self._array[rows]

    def release(self) -> None:
        """Frees the memory."""
        self._array = None
