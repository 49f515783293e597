"""Labels that were given, or changed, after the features were extracted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.feature_layout import decode
from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError

LABELS_FORMAT = Format("ucls-labels", 1, "file of labels", "run `ucls extract` again")

StoredLabels = tuple[NDArray[np.int32] | None, list[str] | None]


def labels_path(path: Path) -> Path:
    """Returns where the labels lie that take the place of those in the cache ``path``."""
    return path.with_name(path.name + ".labels")


def replace_labels(
    path: Path, labels: NDArray[np.integer[Any]], class_names: Sequence[str]
) -> None:
    """Gives the finished cache ``path`` other labels, in a small file beside it.

    The features are neither read nor written, so that a kill cannot harm them.

    Args:
        path: the cache.
        labels: integers [N], one per row of the cache; -1 if unknown.
        class_names: name of each class.

    Raises:
        UsageError: for another shape or dtype.
        UclsError: when the disk does not take it.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UsageError(f"expected integer labels [N], got {labels.dtype} {labels.shape}")
    n_bytes = 4 * len(labels) + sum(100 + 4 * len(name) for name in class_names)
    with write_hdf5(labels_path(path), LABELS_FORMAT, n_bytes=n_bytes) as file:
        write_labels(file, labels.astype(np.int32), class_names)


def write_labels(
    group: h5py.Group, labels: NDArray[np.int32], class_names: Sequence[str] | None
) -> None:
    """Writes labels [N], and the names of classes where they are known."""
    group["class"] = labels
    if class_names is not None:
        group["class_names"] = np.array(class_names, dtype=h5py.string_dtype())


def read_labels(path: Path, file: h5py.File) -> StoredLabels:
    """Reads the labels [N] and the class names of the cache ``path``, open as ``file``.

    Raises:
        UsageError: when the file beside it is damaged.
    """
    beside = labels_path(path)
    if not beside.is_file():
        return _read(file["labels"]) if "labels" in file else (None, None)
    with read_hdf5(beside, LABELS_FORMAT) as replaced:
        return _read(replaced)


def _read(group: h5py.Group) -> StoredLabels:
    names = decode(group["class_names"]).tolist() if "class_names" in group else None
    return group["class"][:], names
