"""Whether a training collapses, by method and seed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ucls.errors import UsageError
from ucls.images.sets import ImageSet
from ucls.masks.folder import mask_paths, write_mask
from ucls.settings.pretraining_methods import METHODS
from ucls.sources import Source
from ucls.stages.pretrain import pretrain

BATCH = 128
"""Small, so that few images make many steps; rates follow it."""


class Outcome(NamedTuple):
    """What became of a method with a seed."""

    method: str
    seed: int
    figures: dict[str, Any]
    """Of the last epoch, see :class:`ucls.stages.pretrain.Pretrained`."""


def first_images(source: Source, n_images: int) -> Source:
    """The first training images of a source."""
    images = image_sets(source)["train"]
    rows = np.arange(min(n_images, len(images)))
    return of_images(source, {"train": images.of_rows(rows)})


def image_sets(source: Source) -> dict[str, ImageSet]:
    """The images of a source by split, with the classes that it tells apart.

    Raises:
        UsageError: if it holds features.
    """
    found = {}
    for split, images in source.splits.items():
        if not isinstance(images, ImageSet):
            raise UsageError(f"{source.name} holds features, but a network learns from images")
        found[split] = images.of_classes(source.classes).merged(source.class_map)
    return found


def of_images(source: Source, splits: Mapping[str, ImageSet]) -> Source:
    """A source that holds some of what :func:`image_sets` has."""
    return replace(source, splits=splits, classes=None, class_map=None)


def outcomes(source: Source, *, n_seeds: int, epochs: int, folder: Path) -> Iterator[Outcome]:
    """Trains the small network by every method, with several seeds.

    Args:
        source: labelled images on black.
        n_seeds: from 0 on.
        epochs: of each training.
        folder: for networks and masks; what is not black is foreground.
    """
    _write_masks(source, folder / "masks")
    for name, method in METHODS.items():
        settings = {"method": name, "arch": "small", "epochs": epochs, "batch_size": BATCH}
        if "masks" in method.options.model_fields:
            settings["masks"] = folder / "masks"
        for seed in range(n_seeds):
            out = folder / f"{name}-{seed}"
            done = pretrain(source, out=out, settings={**settings, "seed": seed})
            yield Outcome(name, seed, done.figures)


def _write_masks(source: Source, folder: Path) -> None:
    images = source.splits["train"]
    for row, path in enumerate(mask_paths(folder, images.paths)):
        picture = images.read(row).convert("L")
        is_there = (np.asarray(picture) > 0).astype(np.float32)
        write_mask(path, is_there, size=picture.size, threshold=0.5)
