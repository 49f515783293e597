"""Checksums of the chunks of a feature cache, which tell whether the disk still gives them back."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.features.layout import FEATURE_FORMAT, TOKENS
from ucls.cache.features.rows import ROWS_PER_CHUNK
from ucls.cache.hdf5 import DAMAGE, read_hdf5
from ucls.wording import cause

# Which chunk of a dataset: view, chunk of rows, and layer where there are layers.
ChunkIndex = tuple[int, ...]


def write_checksums(file: h5py.File) -> None:
    """Adds the group ``checksums`` to a cache whose rows are all written."""
    group = file.create_group("checksums")
    for name in TOKENS:
        if name in file:
            checksums = np.zeros(_count_chunks(file[name]), dtype=np.uint32)
            for index in np.ndindex(checksums.shape):
                checksums[index] = _checksum(_read_chunk(file[name], index))
            group[name] = checksums


def count_chunks(path: Path) -> int:
    """Returns how many chunks :func:`check_chunks` checks.

    Raises:
        UsageError: when the file is missing or damaged.
    """
    with read_hdf5(path, FEATURE_FORMAT) as file:
        return sum(int(np.prod(_count_chunks(file[name]))) for name in TOKENS if name in file)


def has_checksums(path: Path) -> bool:
    """Tells whether a cache has checksums; older ones have none.

    Raises:
        UsageError: when the file is missing or damaged.
    """
    with read_hdf5(path, FEATURE_FORMAT) as file:
        return "checksums" in file


def check_chunks(path: Path) -> Iterator[str | None]:
    """Reads every chunk of a finished cache, one at a time.

    Yields:
        For each chunk what is wrong with it: it cannot be read, it holds NaN or infinity, or its
        checksum is another one (where the file has checksums); None when nothing is.

    Raises:
        UsageError: when the file is missing or its structure is damaged.
    """
    with read_hdf5(path, FEATURE_FORMAT) as file:
        for name in TOKENS:
            if name in file:
                checksums = _read_checksums(file, name)
                for index in np.ndindex(_count_chunks(file[name])):
                    yield _problem(file[name], index, checksums)


def _read_checksums(file: h5py.File, name: str) -> NDArray[np.uint32] | None:
    if "checksums" not in file:
        return None
    checksums: NDArray[np.uint32] = file[f"checksums/{name}"][:]
    expected = _count_chunks(file[name])
    if checksums.shape != expected:
        raise ValueError(f"expected checksums of {name} {list(expected)}, got {checksums.shape}")
    return checksums


def _problem(
    dataset: h5py.Dataset, index: ChunkIndex, checksums: NDArray[np.uint32] | None
) -> str | None:
    try:
        chunk = _read_chunk(dataset, index)
    except DAMAGE as error:
        if cause(error):
            raise
        what = f"cannot be read ({' '.join(str(error).split())})"
    else:
        if checksums is not None and _checksum(chunk) != checksums[index]:
            what = "are not what was written (another checksum)"
        elif not np.isfinite(chunk).all():
            what = "hold NaN or infinity"
        else:
            return None
    first = index[1] * ROWS_PER_CHUNK
    last = min(first + ROWS_PER_CHUNK, dataset.shape[1]) - 1
    layer = f" of layer {index[2]}" if len(index) == 3 else ""
    return f"{dataset.name[1:]} rows {first} to {last}{layer} of view {index[0]} {what}"


def _count_chunks(dataset: h5py.Dataset) -> tuple[int, ...]:
    """Returns [V, chunks, L], or [V, chunks] where there are no layers."""
    n_views, n_rows, *n_layers, _ = dataset.shape
    return n_views, -(-n_rows // ROWS_PER_CHUNK), *n_layers


def _read_chunk(dataset: h5py.Dataset, index: ChunkIndex) -> NDArray[Any]:
    view, chunk, *layer = index
    rows = slice(chunk * ROWS_PER_CHUNK, (chunk + 1) * ROWS_PER_CHUNK)
    block: NDArray[Any] = dataset[(view, rows, *layer)]
    return block


def _checksum(chunk: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(chunk, chunk.dtype.newbyteorder("<")).data)
