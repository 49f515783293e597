"""The handwritten digits that ship with scikit-learn."""

from pathlib import Path

import numpy as np

from ucls.datasets.info import DatasetContents, DatasetInfo
from ucls.images.array_fingerprint import fingerprint_array
from ucls.images.sets import ArrayReader, ImageSet


def load(_: Path) -> DatasetContents:
    """Opens the digits; every fifth is for validation."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    ids = np.arange(len(pixels))
    splits = {
        split: ImageSet(
            name="digits",
            split=split,
            paths=[f"digits/{row:04d}" for row in rows],
            labels=digits.target[rows].astype(np.int32),
            class_names=tuple(str(digit) for digit in range(10)),
            fingerprint=fingerprint_array(pixels[rows]),
            reader=ArrayReader(pixels[rows]),
            native=(8, 1),
        )
        for split, rows in {"train": ids[ids % 5 != 0], "val": ids[::5]}.items()
    }
    return DatasetContents(splits)


DIGITS = DatasetInfo(
    description="digits, 8x8",
    n_train=1_437,
    n_val=360,
    n_classes=10,
    image_set="digits",
    load=load,
    backbone="pixels",
)
