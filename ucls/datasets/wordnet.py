"""Splits of image files whose classes are WordNet ids, such as ``n01440764``."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ucls.errors import UsageError
from ucls.images.files import find_images
from ucls.images.sets import FileReader, ImageSet, encode_labels, fingerprint_files
from ucls.wording import count

WORDNET_ID = re.compile(r"n\d{8}")


def wordnet_split(
    name: str,
    split: str,
    folder: Path,
    *,
    class_names: tuple[str, ...] | None = None,
    key: Mapping[str, str] | None = None,
    native: tuple[int, int] | None = None,
) -> ImageSet:
    """Lists the images of a split, sorted by path.

    Args:
        name: of the image set.
        split: ``train`` or ``val``.
        folder: holds a sub-folder for each class, or images that ``key`` knows.
        class_names: the classes to keep; None for all.
        key: file name to class, for images outside of any folder of a class.
        native: (image size, channels) that all images have, or None if they differ.

    Raises:
        UsageError: if there are no images, or the class of one is not known.
    """
    root = folder.resolve()
    classes = {path: _class_of(path, key or {}) for path in find_images(root)}
    unknown = [path for path, class_name in classes.items() if class_name is None]
    if unknown:
        raise UsageError(
            f"the class of {count(len(unknown), 'image')} in {folder} is not known, such as "
            f"{unknown[0]}: "
            "expected a sub-folder for each class, named by its WordNet id such as n01440764, "
            "or the list of labels that belongs to them"
        )
    known = {path: name or "" for path, name in classes.items()}
    if class_names is not None:
        kept = set(class_names)
        known = {path: name for path, name in known.items() if name in kept}
    if not known:
        raise UsageError(
            f"expected {split} images in {folder}, got none: unpack the dataset there "
            "(links that leave the folder do not count)"
        )
    paths = list(known)
    labels, class_names = encode_labels(list(known.values()), class_names)
    return ImageSet(
        name=name,
        split=split,
        paths=paths,
        labels=labels,
        class_names=class_names,
        fingerprint=fingerprint_files(root, paths),
        reader=FileReader(root, paths),
        native=native,
    )


def _class_of(path: str, key: Mapping[str, str]) -> str | None:
    first, last = path.split("/", 1)[0], path.rsplit("/", 1)[-1]
    return first if WORDNET_ID.fullmatch(first) else key.get(last)


def has_class_folder(folder: Path) -> bool:
    """Whether a folder exists and holds at least one sub-folder named by a WordNet id."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(WORDNET_ID.fullmatch(entry.name) and entry.is_dir() for entry in entries)
