"""Images and features of the user's own, as sources."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ucls.errors import UsageError
from ucls.images.feature_files import FeatureArray, load_features
from ucls.images.feature_readers.registry import FEATURE_SUFFIXES, reader_of
from ucls.images.manifest import MANIFEST_SUFFIXES, load_manifest, resolved_paths
from ucls.images.packed.load import load_packed
from ucls.images.packed.shards import Shards, find_shards
from ucls.images.sets import ImageSet, LabelSource, load_folder
from ucls.sources.source import Source
from ucls.types import renumber
from ucls.wording import count

AnySet = TypeVar("AnySet", ImageSet, FeatureArray)


def _arguments(path: Path, val_path: Path | None, labels: LabelSource = "none") -> dict[str, str]:
    """What opens a source of the user's own again."""
    arguments = {"source": str(path.resolve())}
    if labels != "none":
        arguments["labels"] = labels
    if val_path is not None:
        arguments["val"] = str(val_path.resolve())
    return arguments


def folder_source(path: Path, labels: LabelSource, val_path: Path | None) -> Source:
    """Opens folders of images."""
    train = load_folder(path, labels=labels)
    arguments = _arguments(path, val_path, labels)
    if val_path is None:
        return Source(train.name, "folder", {"train": train}, arguments)
    if not val_path.is_dir():
        raise UsageError(f"expected a folder of validation images beside {path}, got {val_path}")
    outer, inner = sorted((path.resolve(), val_path.resolve()), key=lambda item: len(item.parts))
    if inner.is_relative_to(outer):
        raise UsageError(
            f"training and validation images overlap: {inner} lies within {outer}; "
            "give two separate folders"
        )
    val = load_folder(val_path, split="val", labels=labels)
    splits = {"train": train, "val": _with_classes_of(train, val)}
    return Source(train.name, "folder", splits, arguments)


def manifest_source(path: Path, val_path: Path | None) -> Source:
    """Opens lists of images."""
    train = load_manifest(path)
    arguments = _arguments(path, val_path)
    if val_path is None:
        return Source(train.name, "manifest", {"train": train}, arguments, notes=train.notes)
    if val_path.suffix.lower() not in MANIFEST_SUFFIXES or not val_path.is_file():
        raise UsageError(
            f"expected a list of validation images ({', '.join(MANIFEST_SUFFIXES)}) beside {path}, "
            f"got {val_path}"
        )
    val = load_manifest(val_path, split="val")
    files = set(resolved_paths(path.resolve(), train.paths))
    shared = files.intersection(resolved_paths(val_path.resolve(), val.paths))
    if shared:
        raise UsageError(
            f"training and validation images overlap: {count(len(shared), 'image')} in "
            f"both {path} and {val_path}, such as {min(shared)}; remove them from one"
        )
    splits = {"train": train, "val": _with_classes_of(train, val)}
    return Source(train.name, "manifest", splits, arguments, notes=train.notes + val.notes)


def packed_source(
    train_shards: Shards, val_path: Path | None, *, array: str | None = None
) -> Source:
    """Opens images inside of archives or tables."""
    train = load_packed(train_shards, column=array)
    arguments = _arguments(train_shards.location, val_path) | (
        {} if array is None else {"array": array}
    )
    if val_path is None:
        return Source(train.name, "packed", {"train": train}, arguments)
    val_shards = find_shards(val_path)
    if val_shards is None:
        raise UsageError(
            f"expected validation images of the kind of {train_shards.location}, got {val_path}: "
            "give archives or tables that hold images"
        )
    shared = set(train_shards.files).intersection(val_shards.files)
    if shared:
        raise UsageError(
            f"training and validation images overlap: both are read from {min(shared)}; "
            "give separate files"
        )
    val = load_packed(val_shards, split="val", column=array)
    splits = {"train": train, "val": _with_classes_of(train, val)}
    return Source(train.name, "packed", splits, arguments)


def features_source(
    path: Path, val_path: Path | None, *, split: str = "train", array: str | None = None
) -> Source:
    """Opens features, each file with the array of the same name."""
    train = load_features(path, split=split, array=array)
    arguments = _arguments(path, val_path) | ({} if array is None else {"array": array})
    if val_path is None:
        return Source(train.name, "features", {"train": train}, arguments, notes=train.notes)
    if reader_of(val_path) is None:
        raise UsageError(f"expected a feature file ({', '.join(FEATURE_SUFFIXES)}), got {val_path}")
    val = load_features(val_path, split="val", array=array)
    if val.features.shape[1] != train.features.shape[1]:
        raise UsageError(
            f"expected features of width {train.features.shape[1]} in {val_path}, as in {path}, "
            f"got {val.features.shape[1]}: make both with the same backbone"
        )
    splits = {"train": train, "val": _with_classes_of(train, val)}
    return Source(train.name, "features", splits, arguments, notes=train.notes + val.notes)


def _with_classes_of(train: AnySet, val: AnySet) -> AnySet:
    """Renumbers the labels of ``val`` so that equal class names get equal labels."""
    if train.labels is None or val.labels is None:
        return val
    unknown = sorted(set(val.class_names) - set(train.class_names))
    if unknown:
        raise UsageError(
            f"expected the validation classes to be among the {len(train.class_names)} training "
            f"classes, got {count(len(unknown), 'other')}, such as {unknown[0]!r}: "
            "name the classes of both alike"
        )
    numbers = np.array([train.class_names.index(name) for name in val.class_names], np.int32)
    labels = renumber(val.labels, numbers)
    return replace(val, labels=labels, class_names=train.class_names)
