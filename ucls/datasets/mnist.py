"""MNIST: handwritten digits, in the files of its authors; and Fashion-MNIST, in files like them."""

import gzip
import struct
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.datasets.arrays import array_split, require_file
from ucls.datasets.download import fetch_idx
from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo, holds_file
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

DIGITS = tuple(str(digit) for digit in range(10))
GARMENTS = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts the files."""


def load(folder: Path, *, name: str, class_names: tuple[str, ...]) -> DatasetContents:
    """Opens a dataset from the folder of its four files, packed with gzip or not.

    Raises:
        UsageError: if a file is missing or damaged.
    """
    return DatasetContents(
        {
            split: array_split(
                name,
                split,
                read_idx(folder / f"{prefix}-images-idx3-ubyte"),
                labels=read_idx(folder / f"{prefix}-labels-idx1-ubyte"),
                class_names=class_names,
                folder=folder,
            )
            for split, prefix in (("train", "train"), ("val", "t10k"))
        }
    )


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Reads an array of bytes in the IDX format.

    Args:
        path: the file, which may also lie there packed, with ``.gz`` after its name.

    Raises:
        UsageError: if there is no such file, or it is damaged.
    """
    try:
        content = _read(path)
        n_axes = content[3]
        shape = struct.unpack_from(f">{n_axes}I", content, 4)
        array = np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes)
        return array.reshape(shape)
    except (OSError, EOFError, zlib.error, IndexError, struct.error, ValueError) as error:
        if reason := cause(error):
            raise UnreadableError(f"cannot read {path}: {reason}") from error
        raise UsageError(
            f"cannot read {path} as an IDX file of bytes: it is damaged or incomplete; "
            "fetch it again"
        ) from error


def _read(path: Path) -> bytes:
    if path.is_file():
        return path.read_bytes()
    packed = path.with_name(f"{path.name}.gz")
    return gzip.decompress(require_file(packed).read_bytes())


HOLDS_FILES = holds_file("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz")
EXPECTED = "train-images-idx3-ubyte and the other three files"

MNIST = DatasetInfo(
    description="digits, 28x28",
    n_train=60_000,
    n_val=10_000,
    n_classes=10,
    image_set="mnist",
    load=partial(load, name="mnist", class_names=DIGITS),
    files=DatasetFiles(
        folders=("MNIST/raw", "raw"),
        is_own=HOLDS_FILES,
        expected=EXPECTED,
        origin="https://yann.lecun.com/exdb/mnist",
        download=partial(fetch_idx, "MNIST"),
    ),
    backbone="pixels",
)

FASHION_MNIST = DatasetInfo(
    description="garments, 28x28",
    n_train=60_000,
    n_val=10_000,
    n_classes=10,
    image_set="fashion-mnist",
    load=partial(load, name="fashion-mnist", class_names=GARMENTS),
    files=DatasetFiles(
        folders=("FashionMNIST/raw", "raw"),
        is_own=HOLDS_FILES,
        expected=EXPECTED,
        origin="https://github.com/zalandoresearch/fashion-mnist",
        download=partial(fetch_idx, "FashionMNIST"),
        installed=DEBIAN_FOLDER,
    ),
    backbone="pixels",
)
