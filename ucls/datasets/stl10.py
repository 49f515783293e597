"""STL-10: the labelled images, in the binary files of its authors."""

from functools import partial
from pathlib import Path

import numpy as np

from ucls.datasets.arrays import array_split, map_rows, read_names
from ucls.datasets.download import fetch_archive
from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo, holds_file
from ucls.images.sets import ImageSet

_SIZE = 96


def load(folder: Path) -> DatasetContents:
    """Opens STL-10 from ``stl10_binary``.

    Raises:
        UsageError: if a file is missing or damaged.
    """
    splits = {"train": "train", "val": "test"}
    return DatasetContents({name: _split(folder, name, file) for name, file in splits.items()})


def _split(folder: Path, split: str, prefix: str) -> ImageSet:
    rows = map_rows(folder / f"{prefix}_X.bin", 3 * _SIZE * _SIZE)
    labels = map_rows(folder / f"{prefix}_y.bin", 1)[:, 0]
    return array_split(
        "stl10",
        split,
        rows.reshape(-1, 3, _SIZE, _SIZE).transpose(0, 3, 2, 1),  # they lie column by column
        labels=labels.astype(np.int32) - 1,
        class_names=read_names(folder / "class_names.txt"),
        folder=folder,
    )


STL10 = DatasetInfo(
    description="objects, 96x96",
    n_train=5_000,
    n_val=8_000,
    n_classes=10,
    image_set="stl10",
    load=load,
    files=DatasetFiles(
        folders=("stl10_binary",),
        is_own=holds_file("train_X.bin"),
        expected="train_X.bin, train_y.bin, test_X.bin, test_y.bin and class_names.txt",
        origin="https://cs.stanford.edu/~acoates/stl10",
        download=partial(fetch_archive, "STL10"),
    ),
)
