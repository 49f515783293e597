"""The source of a study: any that UCLS takes, or simulated features."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ucls.errors import UsageError
from ucls.sources import Source, load_source

SIMULATED = "simulated"
VAL_PER_CLASS = 50
"""Simulated images of ``val`` for each class, as ImageNet-100 has them."""
TOLD = ("n_images", "n_classes", "n_features", "seed")


class Size(NamedTuple):
    """Of simulated features; None is not given."""

    n_images: int | None = None
    n_classes: int | None = None
    n_features: int | None = None


USUAL = (12_800, 100, 2048)
"""A tenth of ImageNet-100's images, with both tokens of a ViT-L."""


def open_source(name: str, *, size: Size, folder: Path, **options: Any) -> Source:
    """Opens a labelled source, or writes simulated features and opens these.

    Its name and options are those of :func:`ucls.sources.load_source`, or ``simulated``; of another
    source only the number of clusters may be given.

    Raises:
        UsageError: if there is no such source, it has no labels, or an option has no meaning.
    """
    if name == SIMULATED:
        return _simulate(size, folder, options)
    if size.n_images is not None or size.n_features is not None:
        raise UsageError(
            f"--n and --features are the size of simulated features, but the source is {name}: "
            "leave them out, or give --source simulated"
        )
    source = load_source(name, **options)
    if source.n_classes is None:
        raise UsageError(
            f"the tables of the ablations need labels, and {source.name} has none: give --labels "
            "folders if its sub-folders are classes, a list of images with a column 'label', or a "
            "feature file with an array 'labels'"
        )
    return source


def how_simulated(source: Source) -> dict[str, int] | None:
    """What a feature file says it was simulated with; None for all other sources."""
    path = Path(source.arguments["source"])
    if source.kind != "features" or path.suffix.lower() != ".h5":
        return None
    import h5py

    with h5py.File(path) as file:
        if "simulated" not in file.attrs:
            return None
        made = json.loads(file.attrs["simulated"])
    return {name: made[name] for name in TOLD}


def _simulate(size: Size, folder: Path, options: dict[str, Any]) -> Source:
    given = [key for key, value in options.items() if value not in (None, False, "none")]
    if given:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in given)
        raise UsageError(f"{names} has no meaning for simulated features: leave it out")
    from benchmarks.simulated.features import SimulatedFeatures, write_simulated

    n_images, n_classes, n_features = (
        usual if wanted is None else wanted for wanted, usual in zip(size, USUAL, strict=True)
    )
    made = SimulatedFeatures(n_images, n_classes, n_features)
    stem = f"n{n_images}-k{n_classes}-d{n_features}"
    train, val = (folder / f"{stem}-{split}.h5" for split in ("train", "val"))
    write_simulated(train, made)
    write_simulated(val, replace(made, n_images=VAL_PER_CLASS * n_classes, split="val"))
    return replace(load_source(str(train), val=str(val)), name=SIMULATED)
