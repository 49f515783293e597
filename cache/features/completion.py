"""Completing a feature cache once all its rows are written."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.features.checksums import write_checksums
from ucls.cache.features.image_log import ImageLog
from ucls.cache.features.layout import TOKENS, encode
from ucls.cache.features.resume import undo_path
from ucls.cache.features.rows import ROWS_PER_CHUNK
from ucls.cache.features.undo import save_structure
from ucls.cache.files import partial_path, reserve
from ucls.cache.hdf5 import ROOM_FOR_STRUCTURE

# Class numbers of all images of the dataset, and the classes' names where known.
NamedLabels = tuple[NDArray[np.int32], Sequence[str] | None]


def complete(
    path: Path,
    log: ImageLog,
    labels: NamedLabels | None,
    *,
    stamps: NDArray[np.int64] | None = None,
) -> None:
    """Adds names, labels, stamps and checksums, and marks the file complete.

    The room that was left for the skipped images is cut off.

    The next writer takes this back if a kill cuts it short.

    Args:
        path: final name of the cache, whose closed ``.partial`` file has all rows.
        log: of all images.
        labels: of all images, or None.
        stamps: of the files of all images, or None.

    Raises:
        OSError: when the disk is full.
    """
    partial = partial_path(path)
    save_structure(partial, undo_path(path))
    size = partial.stat().st_size
    # Four bytes of checksum stand for a chunk, which takes two kilobytes or more.
    stamp_bytes = 0 if stamps is None else stamps.nbytes
    reserve(partial, size + size // 512 + _count_bytes(log, labels) + stamp_bytes)
    with h5py.File(partial, "r+") as file:
        if stamps is not None:
            file["stamps"] = stamps
        _complete(file, log, labels)


def _count_bytes(log: ImageLog, labels: NamedLabels | None) -> int:
    """Returns more bytes than names, labels and HDF5's structures around them take."""
    class_names = (labels and labels[1]) or ()
    n_names = log.n_images + len(class_names)
    n_characters = log.path.stat().st_size + sum(len(name) for name in class_names)
    return 100 * n_names + 4 * n_characters + ROOM_FOR_STRUCTURE


def _complete(file: h5py.File, log: ImageLog, labels: NamedLabels | None) -> None:
    n_rows = int(file.attrs["rows_written"])
    for name in TOKENS:
        if name in file:
            file[name].resize(n_rows, axis=1)
    _write_paths(file, log)
    skipped = _write_skipped(file.create_group("skipped"), log)
    if labels is not None:
        _write_labels(file.create_group("labels"), labels, skipped)
    write_checksums(file)
    file.attrs["complete"] = True


def _write_paths(file: h5py.File, log: ImageLog) -> None:
    n_rows = int(file.attrs["rows_written"])
    dataset = file.create_dataset("path", shape=(n_rows,), dtype=h5py.string_dtype())
    rows = log.written()
    for start in range(0, n_rows, ROWS_PER_CHUNK):
        paths = [encode(path) for path in islice(rows, ROWS_PER_CHUNK)]
        dataset[start : start + ROWS_PER_CHUNK] = paths


def _write_skipped(group: h5py.Group, log: ImageLog) -> NDArray[np.int64]:
    """Writes the skipped images and returns their positions in the dataset."""
    skipped = list(log.skipped())
    index = np.array([index for index, _, _ in skipped], dtype=np.int64)
    group["index"] = index
    for column, name in ((1, "path"), (2, "reason")):
        texts = [encode(str(entry[column])) for entry in skipped]
        group.create_dataset(name, data=texts, shape=(len(texts),), dtype=h5py.string_dtype())
    return index


def _write_labels(group: h5py.Group, labels: NamedLabels, skipped: NDArray[np.int64]) -> None:
    values, class_names = labels
    group["class"] = np.delete(values, skipped)
    if class_names is not None:
        group["class_names"] = np.array(list(map(encode, class_names)), dtype=h5py.string_dtype())
