"""Folders of masks: one 8-bit PNG for each image, 255 where the foreground is.

Shapes: N images, S pixels per side.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ucls.cache import atomic_write
from ucls.errors import UsageError
from ucls.images.sets import NO_STAMP, ImageSet, fingerprint_files
from ucls.wording import count

Soft = NDArray[np.float32]


def mask_paths(folder: Path, images: Sequence[str]) -> list[Path]:
    """Where the mask of each image lies: its path, ending in ``.png``, below the folder.

    Args:
        folder: of the masks.
        images: paths, as an image set names them.

    Raises:
        UsageError: if two images would have the same mask.
    """
    found: dict[Path, str] = {}
    for image in images:
        parts = [part for part in PurePosixPath(image).parts if part not in ("/", "..")]
        path = folder.joinpath(*parts).with_suffix(".png")
        if path in found:
            raise UsageError(
                f"{found[path]} and {image} would have the same mask, {path}: rename one of them"
            )
        found[path] = image
    return list(found)


def is_fresh(images: ImageSet, paths: Sequence[Path]) -> NDArray[np.bool_]:
    """Whether the mask of each image is there and no older than the image, [N]."""
    changed = None if images.stamps is None else images.stamps[:, 1]
    fresh = np.zeros(len(paths), bool)
    for row, path in enumerate(paths):
        if path.is_file():
            known = changed is not None and changed[row] != NO_STAMP
            fresh[row] = changed is None or not known or path.stat().st_mtime_ns >= changed[row]
    return fresh


def fingerprint_masks(folder: Path, images: Sequence[str]) -> str:
    """What changes with the masks of images, sha256 as hexadecimal digits.

    Raises:
        UsageError: if there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder} with masks: make them with `ucls masks SOURCE --out "
            f"{folder}`"
        )
    paths = [str(path.relative_to(folder)) for path in mask_paths(folder, images)]
    return fingerprint_files(folder, paths, with_times=True)


def write_mask(path: Path, soft: Soft, *, size: tuple[int, int], threshold: float) -> None:
    """Writes a mask at the size of its image: bilinear first, then cut at the threshold.

    Args:
        path: of the PNG.
        soft: how much of the foreground is where, [h, w], in 0..1, of the whole image.
        size: width and height of the image in pixels.
        threshold: above which a pixel belongs to the foreground.

    Raises:
        UclsError: when the disk does not take it.
    """
    stretched = Image.fromarray(soft).resize(size, Image.Resampling.BILINEAR)
    mask = Image.fromarray(np.where(np.asarray(stretched) > threshold, 255, 0).astype(np.uint8))
    with atomic_write(path) as partial:
        mask.save(partial, format="PNG")


def read_mask(path: Path, size: int) -> NDArray[np.uint8]:
    """Reads a mask, stretched to a square; grey where a pixel of it lies on an edge.

    Args:
        path: of the file; whatever is not 0 in it is foreground.
        size: S.

    Returns:
        uint8 [S, S], 0..255.

    Raises:
        UsageError: if it is no image.
    """
    try:
        with Image.open(path) as image:
            mask = Image.fromarray(
                np.where(np.asarray(image.convert("L")), 255, 0).astype(np.uint8)
            )
    except OSError as error:
        raise UsageError(
            f"{path} is no image ({error}): remove it, and run `ucls masks` again"
        ) from error
    return np.asarray(mask.resize((size, size), Image.Resampling.BOX))


def read_masks(folder: Path, images: Sequence[str], size: int) -> NDArray[np.uint8]:
    """Reads the masks of images, uint8 [N, S, S].

    Raises:
        UsageError: if the folder or some masks are missing, or are no images.
    """
    paths = mask_paths(folder, images)
    missing = [image for image, path in zip(images, paths, strict=True) if not path.is_file()]
    if missing:
        raise UsageError(
            f"{count(len(missing), 'image')} of {len(images):,} have no mask in {folder}, such as "
            f"{missing[0]}: make them with `ucls masks SOURCE --out {folder}`"
        )
    masks = np.empty((len(paths), size, size), np.uint8)
    for row, path in enumerate(paths):
        masks[row] = read_mask(path, size)
    return masks
