"""CIFAR-10 and CIFAR-100 in both of their authors' formats; CIFAR-20 is CIFAR-100 by superclass."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.datasets.arrays import array_split, map_rows, read_names
from ucls.datasets.download import fetch_archive
from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo, holds_file
from ucls.datasets.pickles import read_arrays
from ucls.errors import UsageError
from ucls.images.sets import ImageSet

_N_PIXELS = 3 * 32 * 32


class _Rows(NamedTuple):
    """Images of one or more files."""

    pixels: NDArray[np.uint8]
    """[N, 3072], one colour after the other."""
    labels: NDArray[np.uint8]
    """[N, n_labels]; the last is that of the class, one before it that of the superclass."""


def load_cifar10(folder: Path) -> DatasetContents:
    """Opens CIFAR-10 from ``cifar-10-batches-py`` or ``cifar-10-batches-bin``.

    Raises:
        UsageError: if a file is missing or damaged.
    """
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    if (folder / "batches.meta").is_file():
        names = _decode(read_arrays(folder / "batches.meta").get(b"label_names"), folder)
        read = partial(_read_pickles, folder, keys=[b"labels"])
    else:
        names = read_names(folder / "batches.meta.txt")
        read = partial(_read_binaries, folder, n_labels=1)
    splits = {"train": read(batches), "val": read(["test_batch"])}
    return DatasetContents(_splits("cifar10", folder, splits, names))


def load_cifar100(folder: Path) -> DatasetContents:
    """Opens CIFAR-100 from ``cifar-100-python`` or ``cifar-100-binary``.

    Raises:
        UsageError: if a file is missing or damaged.
    """
    rows, names, _ = _read_cifar100(folder)
    return DatasetContents(_splits("cifar100", folder, rows, names))


def load_cifar20(folder: Path) -> DatasetContents:
    """Opens CIFAR-100 with the superclass of each class.

    Raises:
        UsageError: as for :func:`load_cifar100`, or if the files do not tell the superclass of
            each class.
    """
    rows, names, supernames = _read_cifar100(folder)
    class_map = _superclasses(folder, rows, names, supernames)
    return DatasetContents(_splits("cifar100", folder, rows, names), class_map=class_map)


_Cifar100 = tuple[dict[str, _Rows], tuple[str, ...], tuple[str, ...]]


def _read_cifar100(folder: Path) -> _Cifar100:
    if (folder / "meta").is_file():
        meta = read_arrays(folder / "meta")
        names = _decode(meta.get(b"fine_label_names"), folder)
        supernames = _decode(meta.get(b"coarse_label_names"), folder)
        read = partial(_read_pickles, folder, keys=[b"coarse_labels", b"fine_labels"])
    else:
        names = read_names(folder / "fine_label_names.txt")
        supernames = read_names(folder / "coarse_label_names.txt")
        read = partial(_read_binaries, folder, n_labels=2)
    return {"train": read(["train"]), "val": read(["test"])}, names, supernames


def _read_pickles(folder: Path, files: Sequence[str], *, keys: Sequence[bytes]) -> _Rows:
    batches = [_read_pickle(folder / file, keys) for file in files]
    pixels, labels = zip(*batches, strict=True)
    return _Rows(np.concatenate(pixels), np.concatenate(labels))


def _read_pickle(path: Path, keys: Sequence[bytes]) -> _Rows:
    batch = read_arrays(path)
    try:
        pixels = batch[b"data"]
        labels = np.stack([np.asarray(batch[key], np.uint8) for key in keys], axis=1)
        if pixels.dtype != np.uint8 or pixels.shape != (len(labels), _N_PIXELS):
            raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}")
    except (KeyError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"expected {_N_PIXELS} bytes and a label for each image in {path}, got something "
            "else: fetch the file again"
        ) from error
    return _Rows(pixels, labels)


def _read_binaries(folder: Path, files: Sequence[str], *, n_labels: int) -> _Rows:
    batches = [map_rows(folder / f"{file}.bin", n_labels + _N_PIXELS) for file in files]
    rows = batches[0] if len(batches) == 1 else np.concatenate(batches)
    return _Rows(rows[:, n_labels:], rows[:, :n_labels])


def _splits(
    name: str, folder: Path, rows: dict[str, _Rows], class_names: tuple[str, ...]
) -> dict[str, ImageSet]:
    return {
        split: array_split(
            name,
            split,
            pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1),
            labels=labels[:, -1],
            class_names=class_names,
            folder=folder,
        )
        for split, (pixels, labels) in rows.items()
    }


def _superclasses(
    folder: Path, rows: dict[str, _Rows], names: tuple[str, ...], supernames: tuple[str, ...]
) -> dict[str, str]:
    """Learns the superclass of each class from the two labels of each image."""
    labels = np.concatenate([split.labels for split in rows.values()])
    coarse, fine = np.unique(labels, axis=0).T
    if sorted(fine) != list(range(len(names))):
        raise UsageError(
            f"expected each of the {len(names)} classes in {folder} to have images, all of one "
            f"superclass, got {len(fine)} pairs of class and superclass: fetch the files again"
        )
    if coarse.max() >= len(supernames):
        raise UsageError(
            f"expected {len(supernames)} superclasses in {folder}, got {coarse.max() + 1}: "
            "fetch the files again"
        )
    return {names[f]: supernames[c] for f, c in zip(fine, coarse, strict=True)}


def _decode(names: object, folder: Path) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
        raise UsageError(f"expected names of classes in {folder}, got none: fetch the files again")
    return tuple(name.decode() for name in names)


_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar.html"

_CIFAR100_FILES = DatasetFiles(
    folders=("cifar-100-python", "cifar-100-binary"),
    is_own=holds_file("meta", "fine_label_names.txt"),
    expected="meta, train and test",
    origin=_ORIGIN,
    download=partial(fetch_archive, "CIFAR100"),
)

CIFAR10 = DatasetInfo(
    description="objects, 32x32",
    n_train=50_000,
    n_val=10_000,
    n_classes=10,
    image_set="cifar10",
    load=load_cifar10,
    files=DatasetFiles(
        folders=("cifar-10-batches-py", "cifar-10-batches-bin"),
        is_own=holds_file("batches.meta", "batches.meta.txt"),
        expected="batches.meta, data_batch_1 to 5 and test_batch",
        origin=_ORIGIN,
        download=partial(fetch_archive, "CIFAR10"),
    ),
)

CIFAR20 = DatasetInfo(
    description="superclasses",
    n_train=50_000,
    n_val=10_000,
    n_classes=20,
    image_set="cifar100",
    load=load_cifar20,
    files=_CIFAR100_FILES,
)

CIFAR100 = DatasetInfo(
    description="objects, 32x32",
    n_train=50_000,
    n_val=10_000,
    n_classes=100,
    image_set="cifar100",
    load=load_cifar100,
    files=_CIFAR100_FILES,
)
