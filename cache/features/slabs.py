"""Which slabs of rows to read, in file order, to gather rows given in any order."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError

Rows = slice | Sequence[int] | NDArray[np.integer[Any]] | None

LARGEST_GAP = 32
"""Rows between two that are wanted, which are read too: a read of its own takes as long."""


class Slab(NamedTuple):
    """One read: rows ``start`` to ``stop``, of which ``pick`` go to the places ``into``."""

    start: int
    stop: int
    pick: slice | NDArray[np.int64]
    into: slice | NDArray[np.int64]


def resolve_rows(rows: Rows, n_rows: int) -> range | NDArray[np.int64]:
    """Returns the row numbers that ``rows`` asks for, of ``n_rows`` there are.

    Raises:
        UsageError: unless it is None, a slice, or a vector of row numbers that exist.
    """
    if rows is None:
        return range(n_rows)
    if isinstance(rows, slice):
        return range(*rows.indices(n_rows))
    numbers = np.asarray(rows)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise UsageError(
            f"expected rows as a slice or an integer vector, got {numbers.dtype} {numbers.shape}"
        )
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < n_rows:
        raise UsageError(
            f"expected rows from 0 to {n_rows - 1}, got {numbers.min()} to {numbers.max()}"
        )
    return numbers.astype(np.int64)


def plan_slabs(rows: range | NDArray[np.int64], slab: int) -> Iterator[Slab]:
    """Yields the reads that gather ``rows``, each of at most ``slab`` neighbouring rows."""
    if isinstance(rows, range) and rows.step == 1:
        yield from _contiguous(rows.start, rows.stop, slab)
    else:
        yield from _scattered(np.asarray(rows, dtype=np.int64), slab)


def _contiguous(first: int, last: int, slab: int) -> Iterator[Slab]:
    for start in range(first, last, slab):
        stop = min(start + slab, last)
        yield Slab(start, stop, slice(None), slice(start - first, stop - first))


def _scattered(rows: NDArray[np.int64], slab: int) -> Iterator[Slab]:
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    is_apart = (np.diff(ordered // slab) > 0) | (np.diff(ordered) > LARGEST_GAP)
    bounds = np.flatnonzero(is_apart) + 1
    for into, part in zip(np.split(order, bounds), np.split(ordered, bounds), strict=True):
        if len(part):
            yield Slab(int(part[0]), int(part[-1]) + 1, part - part[0], into)
