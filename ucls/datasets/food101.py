"""Food-101: dishes, in the folders and lists of its authors."""

import json
from functools import partial
from pathlib import Path

from ucls.datasets.arrays import read_names
from ucls.datasets.download import fetch_archive
from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo, holds_file
from ucls.errors import UsageError
from ucls.images.sets import FileReader, ImageSet, encode_labels, fingerprint_files


def load(folder: Path) -> DatasetContents:
    """Opens Food-101 from ``food-101``, which holds ``images`` and ``meta``.

    Raises:
        UsageError: if a list is missing or damaged.
    """
    train = _split(folder, "train", "train")
    val = _split(folder, "val", "test", class_names=train.class_names)
    return DatasetContents({"train": train, "val": val})


def _split(
    folder: Path, split: str, stem: str, *, class_names: tuple[str, ...] | None = None
) -> ImageSet:
    root = folder.resolve() / "images"
    paths = sorted(f"{item}.jpg" for item in _read_list(folder / "meta" / stem))
    names = [path.split("/", 1)[0] for path in paths]
    unknown = sorted(set(names).difference(names if class_names is None else class_names))
    if unknown or not paths:
        raise UsageError(
            f"expected images of the training classes in the list {folder / 'meta' / stem}, got "
            f"{f'others, such as {unknown[0]}' if unknown else 'none'}: fetch the list again"
        )
    labels, class_names = encode_labels(names, class_names)
    return ImageSet(
        name="food101",
        split=split,
        paths=paths,
        labels=labels,
        class_names=class_names,
        fingerprint=fingerprint_files(root, paths),
        reader=FileReader(root, paths),
    )


def _read_list(stem: Path) -> list[str]:
    """Reads the ids of images, ``CLASS/NUMBER``, from the list in JSON or in plain text."""
    path = stem.with_suffix(".json")
    if not path.is_file():
        return list(read_names(stem.with_suffix(".txt")))
    try:
        by_class = json.loads(path.read_text(encoding="utf-8"))
        return [str(item) for items in by_class.values() for item in items]
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(
            f"expected lists of images by class in {path}, got something else: fetch it again"
        ) from error


FOOD101 = DatasetInfo(
    description="dishes",
    n_train=75_750,
    n_val=25_250,
    n_classes=101,
    image_set="food101",
    load=load,
    files=DatasetFiles(
        folders=("food-101",),
        is_own=holds_file("meta/train.json", "meta/train.txt"),
        expected="images/CLASS/NUMBER.jpg and the lists meta/train.json and meta/test.json",
        origin="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101",
        download=partial(fetch_archive, "Food101"),
    ),
)
