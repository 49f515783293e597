"""The true labels of a run's images, as they were when it was last started."""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from ucls.cache.features.layout import decode, encode
from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5

TRUTH_FORMAT = Format("ucls-truth", 1, "file of true labels", "run the same `ucls run` again")


class Truth(NamedTuple):
    """What images show, as far as it is known."""

    labels: dict[str, NDArray[np.int32]]
    """Split to labels [N], -1 where one is not known."""
    class_names: list[str]
    """The name of each label."""


def write_truth(path: Path, truth: Truth) -> None:
    """Writes the file, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    n_bytes = sum(labels.nbytes for labels in truth.labels.values())
    n_bytes += sum(100 + 4 * len(name) for name in truth.class_names)
    with write_hdf5(path, TRUTH_FORMAT, n_bytes=n_bytes) as file:
        names = list(map(encode, truth.class_names))
        file["class_names"] = np.array(names, dtype=h5py.string_dtype())
        group = file.create_group("labels")
        for split, labels in truth.labels.items():
            group[split] = labels.astype(np.int32)


def read_truth(path: Path) -> Truth:
    """Reads what :func:`write_truth` wrote.

    Raises:
        UsageError: when the file is missing or damaged.
    """
    with read_hdf5(path, TRUTH_FORMAT) as file:
        labels = {split: dataset[:] for split, dataset in file["labels"].items()}
        return Truth(labels, decode(file["class_names"]).tolist())
