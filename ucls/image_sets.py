"""Images of one split: their order, ids, labels, and how each is read."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.errors import UsageError
from ucls.images import find_images, read_image

Labels = Literal["none", "folders"]


@dataclass(frozen=True)
class ImageSet:
    """The images of one split, in a fixed order. Can be sent to other processes.

    Attributes:
        name: what the source is called.
        split: ``train`` or ``val``.
        paths: N ids shown to users; for a folder, paths relative to it.
        labels: int32 [N] in 0..n_classes - 1, or None.
        class_names: the name of each label; empty without labels.
        fingerprint: sha256 that changes with the images, as hexadecimal digits.
        reader: decodes the image at an index.
        native: (image size, channels) that all images have, or None if they differ.
        location: the resolved path of the folder; empty if there is none.
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

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> Image.Image:
        """Decodes one image, of mode ``RGB``, or ``L`` where all images are grey.

        Raises:
            UnreadableImageError: if the file holds no image.
        """
        return self.reader(index)


@dataclass(frozen=True)
class _FolderReader:
    root: Path
    paths: list[str]

    def __call__(self, index: int) -> Image.Image:
        return read_image(self.root / self.paths[index])


@dataclass(frozen=True)
class ArrayReader:
    """Reads from uint8 pixels, [N, S, S] for grey or [N, S, S, 3] for RGB."""

    pixels: NDArray[np.uint8]

    def __call__(self, index: int) -> Image.Image:
        """Returns one picture, of mode ``L`` or ``RGB``."""
        return Image.fromarray(self.pixels[index])


def load_folder(path: Path, *, split: str = "train", labels: Labels = "none") -> ImageSet:
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
    digest = hashlib.sha256()
    for item in paths:
        digest.update(f"{item}\0{(root / item).stat().st_size}\0".encode())
    return ImageSet(
        name=root.name or "images",
        split=split,
        paths=paths,
        labels=classes,
        class_names=class_names,
        fingerprint=digest.hexdigest(),
        reader=_FolderReader(root, paths),
        location=str(root),
    )


def _folder_labels(path: Path, paths: list[str]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    loose = [item for item in paths if "/" not in item]
    if loose:
        raise UsageError(
            f"expected one sub-folder per class in {path}, got {len(loose)} images outside of "
            f"any, such as {loose[0]}: move them, or leave out the labels option"
        )
    return labels_from_folders(paths)


def labels_from_folders(paths: list[str]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Takes the first component of each path as its class: labels int32 [N] and class names."""
    names = [item.split("/", 1)[0] for item in paths]
    class_names, labels = np.unique(names, return_inverse=True)
    return labels.astype(np.int32), tuple(str(name) for name in class_names)
