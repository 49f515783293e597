"""What to cluster: a dataset by name, a folder of images, or a feature file."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from ucls.errors import UsageError
from ucls.feature_files import FEATURE_SUFFIXES, FeatureArray, fingerprint_array, load_features
from ucls.image_sets import ArrayReader, ImageSet, Labels, load_folder

__all__ = ["DATASETS", "DatasetInfo", "FeatureArray", "ImageSet", "Labels", "Source", "load_source"]

SourceKind = Literal["dataset", "folder", "features"]
AnySet = TypeVar("AnySet", ImageSet, FeatureArray)


@dataclass(frozen=True)
class Source:
    """Everything that a run works on.

    Attributes:
        name: what to call a run over this source.
        kind: where it comes from.
        splits: ``train`` and, where there is one, ``val``.
    """

    name: str
    kind: SourceKind
    splits: Mapping[str, ImageSet | FeatureArray]

    @property
    def n_classes(self) -> int | None:
        """How many classes the labels of ``train`` tell apart; None without labels."""
        train = self.splits["train"]
        return None if train.labels is None else len(train.class_names)


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset known by name; ``backbone`` is the one it is run with by default."""

    description: str
    n_train: int
    n_val: int
    n_classes: int
    backbone: str
    load: Callable[[], dict[str, ImageSet]]


def load_source(source: str, *, labels: Labels = "none", val: str | None = None) -> Source:
    """Opens what a run works on.

    Args:
        source: a name from :data:`DATASETS`, a folder of images, or a feature file
            (``.npy``, ``.npz``, ``.h5``).
        labels: ``folders`` takes the first level of sub-folders as the classes of the images.
        val: a second folder or feature file, of images that are labelled but never trained on.

    Raises:
        UsageError: if there is no such source, or it cannot be used; the message says why.
    """
    if source in DATASETS:
        if val is not None or labels != "none":
            raise UsageError(
                f"dataset {source!r} has its own validation images and labels: "
                "leave out the validation source and the labels option"
            )
        return Source(source, "dataset", DATASETS[source].load())
    path = _existing_path(source)
    val_path = None if val is None else _existing_path(val)
    if path.is_dir():
        return _folder_source(path, labels, val_path)
    if labels != "none":
        raise UsageError(
            f"labels from sub-folders need a folder of images, got the file {path}: "
            "put labels into the feature file as an array named 'labels'"
        )
    return _features_source(path, val_path)


def _existing_path(source: str) -> Path:
    path = Path(source).expanduser()
    if source and path.exists():
        return path
    if not re.fullmatch(r"[\w-]+", source):  # it does not look like a name
        raise UsageError(
            f"no such file or folder: {source!r}; expected a folder of images, a feature file "
            f"({', '.join(FEATURE_SUFFIXES)}) or a dataset ({', '.join(DATASETS)})"
        )
    near = difflib.get_close_matches(source, DATASETS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "for a folder or file, check the path"
    raise UsageError(
        f"unknown dataset {source!r}, and no folder or file of that name; "
        f"known datasets: {', '.join(DATASETS)}; {hint}"
    )


def _folder_source(path: Path, labels: Labels, val_path: Path | None) -> Source:
    train = load_folder(path, labels=labels)
    if val_path is None:
        return Source(train.name, "folder", {"train": train})
    if not val_path.is_dir():
        raise UsageError(f"expected a folder of validation images beside {path}, got {val_path}")
    outer, inner = sorted((path.resolve(), val_path.resolve()), key=lambda item: len(item.parts))
    if inner.is_relative_to(outer):
        raise UsageError(
            f"training and validation images overlap: {inner} lies within {outer}; "
            "give two separate folders"
        )
    val = load_folder(val_path, split="val", labels=labels)
    return Source(train.name, "folder", {"train": train, "val": _with_classes_of(train, val)})


def _features_source(path: Path, val_path: Path | None) -> Source:
    train = _feature_split(path, "train")
    if val_path is None:
        return Source(train.name, "features", {"train": train})
    val = _feature_split(val_path, "val")
    if val.features.shape[1] != train.features.shape[1]:
        raise UsageError(
            f"expected features of width {train.features.shape[1]} in {val_path}, as in {path}, "
            f"got {val.features.shape[1]}: make both with the same backbone"
        )
    return Source(train.name, "features", {"train": train, "val": _with_classes_of(train, val)})


def _feature_split(path: Path, split: str) -> FeatureArray:
    if not path.is_file() or path.suffix.lower() not in FEATURE_SUFFIXES:
        raise UsageError(
            f"expected a folder of images or a feature file ({', '.join(FEATURE_SUFFIXES)}), "
            f"got {path}"
        )
    return load_features(path, split=split)


def _with_classes_of(train: AnySet, val: AnySet) -> AnySet:
    """Renumbers the labels of ``val`` so that equal class names get equal labels."""
    if train.labels is None or val.labels is None:
        return val
    unknown = sorted(set(val.class_names) - set(train.class_names))
    if unknown:
        raise UsageError(
            f"expected the validation classes to be among the {len(train.class_names)} training "
            f"classes, got {len(unknown)} others, such as {unknown[0]!r}: "
            "name the classes of both alike"
        )
    renumber = np.array([train.class_names.index(name) for name in val.class_names], np.int32)
    return replace(val, labels=renumber[val.labels], class_names=train.class_names)


def _load_digits() -> dict[str, ImageSet]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    ids = np.arange(len(pixels))
    return {
        split: ImageSet(
            name="digits",
            split=split,
            paths=[f"digits/{row:04d}" for row in rows],
            labels=digits.target[rows].astype(np.int32),
            class_names=tuple(str(digit) for digit in range(10)),
            fingerprint=fingerprint_array(pixels[rows]),
            reader=ArrayReader(pixels[rows]),
            native=(8, 1),
        )
        for split, rows in {"train": ids[ids % 5 != 0], "val": ids[::5]}.items()
    }


DATASETS: dict[str, DatasetInfo] = {
    "digits": DatasetInfo(
        description="handwritten digits, 8x8 grey (ships with scikit-learn)",
        n_train=1_437,
        n_val=360,
        n_classes=10,
        backbone="pixels",
        load=_load_digits,
    ),
}
"""The datasets known by name."""
