"""Images of one split: their order, ids, labels, and how each is read."""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images.files import find_images, read_image
from ucls.types import renumber
from ucls.wording import count

LabelSource = Literal["none", "folders"]

NO_LABEL = -1
NO_STAMP = -1

NamedLabels = tuple[NDArray[np.int32] | None, tuple[str, ...]]
"""Labels, and the name of each."""


@dataclass(frozen=True)
class ImageSet:
    """The images of one split, in a fixed order. Can be sent to other processes.

    Attributes:
        name: what the images are called; datasets that share them share this name.
        split: ``train`` or ``val``.
        paths: N ids shown to users; for a folder, paths relative to it.
        labels: int32 [N] in 0..n_classes - 1, or -1 where it is not known; None without labels.
        class_names: the name of each label; empty without labels.
        fingerprint: sha256 that changes with the images, as hexadecimal digits; see
            :func:`fingerprint_files`.
        reader: decodes the image at an index.
        native: (image size, channels) that all images have, or None if they differ.
        location: the resolved path of the folder or list; empty for a dataset known by name.
        notes: remarks for the user, a line each.
        shards: the files that hold all images, where these are no files of their own.
        stamps: int64 [N, 2], which tell whether each image is still the same; see
            :func:`file_stamps`. None where nothing does, as for datasets and archives.
    """

    name: str
    split: str
    paths: list[str]
    labels: NDArray[np.int32] | None
    class_names: tuple[str, ...]
    fingerprint: str
    reader: Callable[[int], Image.Image]
    native: tuple[int, int] | None = None
    location: str = ""
    notes: tuple[str, ...] = ()
    shards: tuple[Path, ...] = ()
    stamps: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Image.Image:
        """Decodes one image, of mode ``RGB``, or ``L`` where all images are grey.

        Raises:
            UnreadableImageError: if the file holds no image.
        """
        return self.reader(index)

    def of_classes(self, names: Collection[str] | None) -> "ImageSet":
        """The images whose class is among ``names``; all of them for None or without labels."""
        if names is None or self.labels is None:
            return self
        kept = [number for number, name in enumerate(self.class_names) if name in names]
        return self.of_rows(np.flatnonzero(np.isin(self.labels, kept)))

    def merged(self, superclasses: Mapping[str, str] | None) -> "ImageSet":
        """The images by superclass, each class by its name; as they are for None or without labels.

        Superclasses are numbered in the order of their names.
        """
        if superclasses is None or self.labels is None:
            return self
        names = sorted({superclasses[name] for name in self.class_names})
        numbers = [names.index(superclasses[name]) for name in self.class_names]
        labels = renumber(self.labels, np.array(numbers, np.int32))
        return replace(self, labels=labels, class_names=tuple(names))

    def of_rows(self, rows: NDArray[np.int64]) -> "ImageSet":
        """The images at some places, int64 [n]."""
        return replace(
            self,
            paths=[self.paths[row] for row in rows],
            labels=None if self.labels is None else self.labels[rows],
            reader=RowReader(self.reader, rows),
            stamps=None if self.stamps is None else self.stamps[rows],
        )


@dataclass(frozen=True)
class RowReader:
    """Reads some of the images that another reader reads."""

    reader: Callable[[int], Image.Image]
    rows: NDArray[np.int64]

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture, as the other reader does."""
        return self.reader(int(self.rows[index]))


@dataclass(frozen=True)
class FileReader:
    """Reads image files, whose paths are absolute or relative to ``root``."""

    root: Path
    paths: list[str]

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture of mode ``RGB``."""
        return read_image(self.root / self.paths[index])


@dataclass(frozen=True)
class ArrayReader:
    """Reads from uint8 pixels, [N, S, S] for grey or [N, S, S, 3] for RGB."""

    pixels: NDArray[np.uint8]

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture, of mode ``L`` or ``RGB``."""
        return Image.fromarray(self.pixels[index])


def load_folder(path: Path, *, split: str = "train", labels: LabelSource = "none") -> ImageSet:
    """Lists the images of a folder, sorted by path.

    Args:
        path: a folder with images at any depth.
        split: the split that the images belong to.
        labels: ``folders`` takes the first level of sub-folders as classes.

    Raises:
        UsageError: if there are no images, or, for ``folders``, images outside of any sub-folder.
    """
    root = path.resolve()
    paths = find_images(root)
    if not paths:
        what = "is empty" if not any(root.iterdir()) else "holds no images"
        raise UsageError(
            f"the folder {path} {what}: expected .jpg, .png or the like at any depth "
            "(hidden files and links that leave the folder do not count)"
        )
    classes, class_names = _folder_labels(path, paths) if labels == "folders" else (None, ())
    stamps = file_stamps(root, paths)
    return ImageSet(
        name=root.name or "images",
        split=split,
        paths=paths,
        labels=classes,
        class_names=class_names,
        fingerprint=fingerprint_stamps(paths, stamps, with_times=True),
        reader=FileReader(root, paths),
        location=str(root),
        stamps=stamps,
    )


def load_image(path: Path, *, split: str = "train") -> ImageSet:
    """A single image file as an image set."""
    path = path.absolute()
    stamps = file_stamps(path.parent, [path.name])
    return ImageSet(
        name=path.name,
        split=split,
        paths=[path.name],
        labels=None,
        class_names=(),
        fingerprint=fingerprint_stamps([path.name], stamps, with_times=True),
        reader=FileReader(path.parent, [path.name]),
        location=str(path),
        stamps=stamps,
    )


def fingerprint_files(root: Path, paths: Sequence[str], *, with_times: bool = False) -> str:
    """Returns the sha256 of the paths and file sizes, as hexadecimal digits.

    Args:
        root: what the paths are relative to, unless they are absolute.
        paths: of the files; those that are missing count too.
        with_times: count the time of the last change too. An image that is edited in place may
            keep its size; a dataset that is copied elsewhere does not keep its times.
    """
    return fingerprint_stamps(paths, file_stamps(root, paths), with_times=with_times)


def fingerprint_stamps(
    paths: Sequence[str], stamps: NDArray[np.int64], *, with_times: bool = False
) -> str:
    """As :func:`fingerprint_files`, of stamps [N, 2] that are known."""
    digest = hashlib.sha256()
    for path, (size, time) in zip(paths, stamps.tolist(), strict=True):
        is_there = size != NO_STAMP
        digest.update(f"{path}\0{size if is_there else None}\0".encode(errors="surrogateescape"))
        if with_times:
            digest.update(f"{time if is_there else None}\0".encode())
    return digest.hexdigest()


def file_stamps(root: Path, paths: Sequence[str]) -> NDArray[np.int64]:
    """What tells whether files are still the same: bytes and nanoseconds since 1970, [N, 2].

    Both are :data:`NO_STAMP` where a file is missing.
    """
    stamps = np.full((len(paths), 2), NO_STAMP, np.int64)
    for row, path in enumerate(paths):
        # Uses os, as pathlib takes many seconds more for a million files.
        with suppress(OSError):
            status = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118
            stamps[row] = status.st_size, status.st_mtime_ns
    return stamps


def _folder_labels(path: Path, paths: list[str]) -> NamedLabels:
    loose = [item for item in paths if "/" not in item]
    if loose:
        raise UsageError(
            f"expected one sub-folder per class in {path}, got "
            f"{count(len(loose), 'image')} outside of any, such as {loose[0]}: move them, or leave "
            "out the labels option"
        )
    return labels_from_folders(paths)


def labels_from_folders(paths: Sequence[str]) -> NamedLabels:
    """Takes the first component of each path as its class: labels int32 [N] and class names."""
    return encode_labels([item.split("/", 1)[0] for item in paths])


def encode_labels(names: Sequence[str], class_names: Sequence[str] | None = None) -> NamedLabels:
    """Turns the name of each image's class into a number.

    Args:
        names: N names; empty or -1 where the class is not known.
        class_names: the classes in their order, all that occur among them; None to sort those
            that occur.

    Returns:
        Labels int32 [N], -1 where the class is not known, and the class names; None and no
        names where no class is known.
    """
    unknown = {"", str(NO_LABEL)}
    classes = tuple(sorted(set(names) - unknown) if class_names is None else class_names)
    if not classes:
        return None, ()
    numbers = dict.fromkeys(unknown, NO_LABEL) | {name: i for i, name in enumerate(classes)}
    return np.array([numbers[name] for name in names], np.int32), classes
