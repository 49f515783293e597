"""Splits of datasets whose images are arrays of pixels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.array_fingerprint import fingerprint_array
from ucls.images.sets import ArrayReader, ImageSet


def array_split(
    name: str,
    split: str,
    pixels: NDArray[np.uint8],
    *,
    labels: NDArray[Any],
    class_names: tuple[str, ...],
    folder: Path,
) -> ImageSet:
    """Makes a split of pixels that are read as they are needed.

    Args:
        name: of the image set.
        split: ``train`` or ``val``.
        pixels: uint8 [N, S, S] for grey or [N, S, S, 3] for RGB; may be a memory map.
        labels: integers [N].
        class_names: the name of each label.
        folder: where they were read, for the messages.

    Raises:
        UsageError: if there are no images, or not one label in 0..n_classes - 1 for each.
    """
    if not len(pixels):
        raise UsageError(f"expected {split} images in {folder}, got none: fetch the files again")
    if labels.shape != (len(pixels),) or labels.min() < 0 or labels.max() >= len(class_names):
        raise UsageError(
            f"expected one label of {len(class_names)} classes for each of the {len(pixels)} "
            f"{split} images in {folder}, got others: fetch the files again"
        )
    return ImageSet(
        name=name,
        split=split,
        paths=[f"{name}/{split}/{row:05d}" for row in range(len(pixels))],
        labels=labels.astype(np.int32),
        class_names=class_names,
        fingerprint=fingerprint_array(pixels),
        reader=ArrayReader(pixels),
        native=(pixels.shape[1], 1 if pixels.ndim == 3 else pixels.shape[3]),
    )


def map_rows(path: Path, row_size: int) -> NDArray[np.uint8]:
    """Maps a file of rows of bytes into memory.

    Returns:
        uint8 [N, row_size].

    Raises:
        UsageError: if there is no such file, or its size is not that of whole rows.
    """
    size = require_file(path).stat().st_size
    if size == 0 or size % row_size:
        raise UsageError(
            f"expected rows of {row_size} bytes in {path}, got {size} bytes in all: "
            "it is incomplete; fetch it again"
        )
    return np.memmap(path, np.uint8, mode="r", shape=(size // row_size, row_size))


def read_names(path: Path) -> tuple[str, ...]:
    """Reads a text file of names, one per line; empty lines do not count.

    Raises:
        UsageError: if there is no such file.
    """
    lines = require_file(path).read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def require_file(path: Path) -> Path:
    """Returns a path that is a file.

    Raises:
        UsageError: if it is not.
    """
    if not path.is_file():
        raise UsageError(f"expected the file {path}, got none: fetch the dataset again")
    return path
