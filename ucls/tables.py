"""Features that need not be in memory: they are read when rows of them are asked for.

Shapes: N images, D columns.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Rows = slice | NDArray[np.int64]
Features = NDArray[np.floating[Any]]

CHUNK = 4096


class RowTable:
    """Features [N, D], as an array, but by rows alone.

    Args:
        read: gives some rows [n, D], in memory of their own.
        shape: N and D.
        dtype: of what it gives.
    """

    ndim = 2

    def __init__(
        self, read: Callable[[Rows], Features], shape: tuple[int, int], dtype: DTypeLike
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._read = read

    @property
    def nbytes(self) -> int:
        """What all of it would take in memory."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows) -> Features:
        return self._read(rows)

    def __iter__(self) -> Iterator[Features]:
        for start in range(0, len(self), CHUNK):
            yield from self[start : start + CHUNK]

    def changed(
        self, change: Callable[[Features], Features], width: int, dtype: DTypeLike
    ) -> "RowTable":
        """The table of what ``change`` makes of rows: [n, D] to [n, ``width``] of ``dtype``."""
        return RowTable(lambda rows: change(self[rows]), (len(self), width), dtype)


AnyFeatures = Features | RowTable
"""In memory, or read when asked for."""


def split_columns(features: AnyFeatures, widths: list[int]) -> list[AnyFeatures]:
    """Takes features [N, D] apart into neighbouring columns of these widths, which sum to D."""
    ends = np.cumsum(widths).tolist()
    spans = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
    if isinstance(features, np.ndarray):
        return [features[:, span] for span in spans]
    return [
        features.changed(lambda rows, span=span: rows[:, span], width, features.dtype)  # type: ignore[misc]
        for span, width in zip(spans, widths, strict=True)
    ]
