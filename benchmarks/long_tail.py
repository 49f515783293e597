"""What unequal classes cost C2BIN, with its parts and without, as in its section 4.4."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.collapses import BATCH, image_sets, of_images
from benchmarks.sets import thinned_rows
from ucls.errors import UsageError
from ucls.images.sets import ImageSet
from ucls.settings.config import required
from ucls.sources import Source
from ucls.stages.pretrain import pretrain
from ucls.stages.probe import probe

RATIOS = (1.0, 10.0, 100.0)
"""Of the largest to the least class; 1 comes first, which the others are compared with."""
NEXT_TO_ALL = 1e4
"""A weight beside which alignment moves nothing: Adam's steps do not grow with the loss."""

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "c2bin": {"method": "c2bin"},
    "c2bin without clusters (BYOL)": {"method": "c2bin", "cluster_weight": 0.0},
    "c2bin without alignment (like PICA)": {"method": "c2bin", "cluster_weight": NEXT_TO_ALL},
    "moco (like SimCLR)": {"method": "moco"},
}
"""The settings of each; in parentheses is what the paper compares."""


class Thinned(NamedTuple):
    """What became of a variant on thinned classes."""

    variant: str
    ratio: float
    seed: int
    n_images: int
    """That were learned from."""
    accuracy: float
    """Of a linear classifier that learns from the same images, on all classes alike."""
    lost: float
    """To that of equal classes."""


def long_tails(
    source: Source, *, n_images: int, n_seeds: int, epochs: int, folder: Path
) -> Iterator[Thinned]:
    """Trains the small network by every variant on classes that are ever less equal.

    Class sizes fall evenly from the largest to the least, as in Cui et al. (CVPR 2019), whom the
    paper follows; a seed also says which classes are small.

    Args:
        source: labelled images with ``val``.
        n_images: of each split, evenly from all of it, before classes are thinned.
        n_seeds: from 0 on.
        epochs: of each training.
        folder: for networks and their features, apart from each other, as what is left of a source
            has the fingerprint of all of it.

    Raises:
        UsageError: if the source has no labels or no ``val``.
    """
    splits = image_sets(source)
    if "val" not in splits or any(images.labels is None for images in splits.values()):
        raise UsageError(
            f"{source.name} has no labelled images of val to score: give a dataset that has"
        )
    some = {split: _evenly(images, n_images) for split, images in splits.items()}
    for seed in range(n_seeds):
        for number, (name, settings) in enumerate(VARIANTS.items()):
            first: float | None = None
            for ratio in RATIOS:
                thinned = _thinned(source, some, ratio=ratio, seed=seed)
                accuracy = _accuracy(
                    thinned,
                    {**settings, "epochs": epochs, "seed": seed},
                    folder=folder / f"{number}-{ratio:g}-{seed}",
                )
                first = accuracy if first is None else first
                n_left = len(thinned.splits["train"])
                yield Thinned(name, ratio, seed, n_left, accuracy, first - accuracy)


def _evenly(images: ImageSet, n_images: int) -> ImageSet:
    n_images = min(n_images, len(images))
    return images.of_rows(np.linspace(0, len(images) - 1, n_images).astype(np.int64))


def _thinned(source: Source, splits: Mapping[str, ImageSet], *, ratio: float, seed: int) -> Source:
    train = splits["train"]
    rows = thinned_rows(required(train.labels), ratio=ratio, seed=seed)
    return of_images(source, {**splits, "train": train.of_rows(rows)})


def _accuracy(source: Source, settings: Mapping[str, Any], *, folder: Path) -> float:
    batch_size = min(BATCH, len(source.splits["train"]))
    learned = pretrain(
        source,
        out=folder / "network",
        settings={**settings, "arch": "small", "batch_size": batch_size},
    )
    figures = probe(
        source,
        protocol="c2bin",
        settings={"extract.backbone": str(learned.path), "seed": settings["seed"]},
        cache_dir=folder / "cache",
    )
    accuracy: float = figures["linear_probe"]["acc"]
    return accuracy
