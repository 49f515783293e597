"""What heads see of all images while they are trained, where it does not fit into memory."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ucls.cache.hdf5 import Format, damage_errors, open_hdf5, read_hdf5, write_hdf5
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

INPUTS_FORMAT = Format(
    "ucls-head-inputs", 1, "file of inputs", "remove it, then run `ucls train` again"
)
READERS = 8
"""Reads that are under way at the same time, as disks serve several faster than one."""


def write_head_inputs(
    path: Path,
    parts: Iterable[NDArray[Any]],
    *,
    shape: tuple[int, int],
    dtype: DTypeLike,
    key: str,
) -> None:
    """Writes rows that come in parts, one after the other in the file.

    Args:
        path: the file.
        parts: some rows each, [n, d], M in all; HDF5 is slow to change their type.
        shape: M and d.
        dtype: that they are written in.
        key: tells them from others.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = shape[0] * shape[1] * np.dtype(dtype).itemsize
    with write_hdf5(path, INPUTS_FORMAT, n_bytes=n_bytes) as file:
        file.attrs["key"] = key
        target, start = file.create_dataset("inputs", shape, dtype), 0
        for part in parts:
            target[start : start + len(part)] = part
            start += len(part)


def has_head_inputs(path: Path, key: str) -> bool:
    """Whether a file of this key is there, and whole."""
    try:
        with read_hdf5(path, INPUTS_FORMAT) as file:
            return bool(file.attrs["key"] == key and "inputs" in file)
    except UsageError:
        return False


class HeadInputsFile:
    """Rows [M, d] of a file, read one by one into memory of their own, by any thread.

    Mapped into memory, all pages that were ever read would count as memory of the process.

    Args:
        path: what :func:`write_head_inputs` wrote.

    Attributes:
        shape: M and d.

    Raises:
        UsageError: when the file is missing, truncated, or of another kind.
    """

    def __init__(self, path: Path) -> None:
        # Its content was checked by has_head_inputs, or has just been written.
        with open_hdf5(path, INPUTS_FORMAT) as file, damage_errors(path, INPUTS_FORMAT):
            stored = file["inputs"]
            self.shape: tuple[int, int] = stored.shape
            self._dtype, self._first = stored.dtype, int(stored.id.get_offset())
        self._path, self._file = path, path.open("rb", buffering=0)
        self._n_bytes = self.shape[1] * self._dtype.itemsize
        self._readers = ThreadPoolExecutor(READERS)

    def read(self, rows: slice) -> NDArray[Any]:
        """Neighbouring rows, [n, d]."""
        start, stop, _ = rows.indices(self.shape[0])
        found = np.empty((stop - start, self.shape[1]), self._dtype)
        self._fill(found, start)
        return found

    def gather(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Rows in any order, [n, d]."""
        found = np.empty((len(rows), self.shape[1]), self._dtype)
        order = np.argsort(rows, kind="stable")

        def fill(places: NDArray[np.int64]) -> None:
            for place, row in zip(places.tolist(), rows[places].tolist(), strict=True):
                self._fill(found[place], row)

        list(self._readers.map(fill, np.array_split(order, READERS)))
        return found

    def _fill(self, target: NDArray[Any], row: int) -> None:
        """Reads what lies from a row on."""
        view = target.view(np.uint8).data.cast("B")
        position = self._first + row * self._n_bytes
        try:
            while len(view):
                n_read = os.preadv(self._file.fileno(), [view], position)
                if not n_read:
                    raise UsageError(f"{self._path} is truncated; {INPUTS_FORMAT.remedy}")
                view, position = view[n_read:], position + n_read
        except OSError as error:
            raise UnreadableError(f"cannot read {self._path}: {cause(error)}") from error
