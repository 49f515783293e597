"""What to cluster: a dataset by name, a folder or a list of images, or a feature file."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from ucls.datasets import DATASETS, DatasetInfo, data_directory, open_dataset
from ucls.errors import UsageError
from ucls.images.feature_files import (
    FEATURE_SUFFIXES,
    FeatureArray,
    is_feature_file,
    load_features,
)
from ucls.images.manifest import load_manifest, resolved_paths
from ucls.images.sets import FileReader, ImageSet, LabelSource, load_folder
from ucls.types import renumber
from ucls.wording import count

MANIFEST_SUFFIX = ".csv"

SourceKind = Literal["dataset", "folder", "manifest", "features"]

AnySet = TypeVar("AnySet", ImageSet, FeatureArray)


@dataclass(frozen=True)
class Source:
    """Everything that a run works on.

    Attributes:
        name: what to call a run over this source.
        kind: where it comes from.
        splits: ``train`` and, where there is one, ``val``.
        arguments: what to give to :func:`load_source` to open it again, from any folder.
        classes: names of the classes that it keeps of its images; None for all.
        class_map: class name to superclass name; None for the classes as they are.
        notes: remarks for the user, a line each.
    """

    name: str
    kind: SourceKind
    splits: Mapping[str, ImageSet | FeatureArray]
    arguments: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    class_map: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int | None:
        """How many classes the labels of ``train`` tell apart; None without labels."""
        train = self.splits["train"]
        if train.labels is None:
            return None
        kept = train.class_names if self.classes is None else self.classes
        return len(kept if self.class_map is None else {self.class_map[name] for name in kept})

    @property
    def n_images(self) -> int:
        """How many images there are to train on."""
        return self.count_images("train")

    def files(self) -> Iterator[Path]:
        """What it is read from: lists, feature files, and the images that are files."""
        if "subset" in self.arguments:
            yield Path(self.arguments["subset"])
        for images in self.splits.values():
            if images.location:
                yield Path(images.location)
            if isinstance(images, ImageSet) and isinstance(images.reader, FileReader):
                yield from (images.reader.root / path for path in images.reader.paths)

    def count_images(self, split: str) -> int:
        """Returns how many images of a split belong to the classes that are kept."""
        images = self.splits[split]
        if self.classes is None or images.labels is None:
            return len(images)
        kept = [images.class_names.index(name) for name in self.classes]
        return int(np.isin(images.labels, kept).sum())


def load_source(
    source: str,
    *,
    labels: LabelSource = "none",
    val: str | None = None,
    data_dir: str | Path | None = None,
    subset: str | Path | None = None,
    download: bool = False,
    is_trained_on: bool = True,
) -> Source:
    """Opens what a run works on.

    Args:
        source: a name from :data:`ucls.datasets.DATASETS`, a folder of images, a list of images
            (``.csv``), or a feature file (``.npy``, ``.npz``, ``.h5``).
        labels: ``folders`` takes the first level of sub-folders as the classes of the images.
        val: a second source of the same kind, of images that are labelled but never trained on.
        data_dir: where datasets known by name lie; None for ``$UCLS_DATA``.
        subset: a text file of WordNet ids, the classes of ``imagenet50``, 100 or 200.
        download: fetch a dataset that is not there.
        is_trained_on: whether the images have to be such that clusters can be learned from them;
            a single one can be labelled.

    Raises:
        UsageError: if there is no such source, or it cannot be used; the message says why.
        UclsError: if the download fails.
    """
    if source in DATASETS:
        _refuse_own_data(source, labels, val)
        list_path = None if subset is None else Path(subset).expanduser().resolve()
        return _dataset_source(source, data_dir, list_path, download=download)
    path = _existing_path(source)
    _refuse_dataset_options(path, data_dir=data_dir, subset=subset, download=download)
    val_path = None if val is None else _existing_path(val)
    if path.is_dir():
        return _folder_source(path, labels, val_path)
    if labels != "none":
        raise UsageError(
            f"labels from sub-folders need a folder of images, got the file {path}: "
            "put labels into a feature file as an array named 'labels', and into a list of "
            "images as a column 'label'"
        )
    if not path.is_file():  # a pipe would be waited for
        raise UsageError(f"expected a file or a folder, got {path}, which is neither")
    if path.suffix.lower() == MANIFEST_SUFFIX and not is_feature_file(path):
        return _manifest_source(path, val_path)
    return _features_source(path, val_path, "train" if is_trained_on else "val")


def _refuse_own_data(name: str, labels: LabelSource, val: str | None) -> None:
    if val is not None or labels != "none":
        raise UsageError(
            f"dataset {name!r} has its own validation images and labels: "
            "leave out the validation source and the labels option"
        )


def _refuse_dataset_options(path: Path, **options: object) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(
            f"{names} belongs to datasets known by name, got the source {path}: leave it out, or "
            f"choose one of {', '.join(DATASETS)}"
        )


def _existing_path(source: str) -> Path:
    path = Path(source).expanduser()
    if source and path.exists():
        return path
    if not re.fullmatch(r"[\w-]+", source):  # it does not look like a name
        raise UsageError(
            f"no such file or folder: {source!r}; expected a folder of images, a list of images "
            f"({MANIFEST_SUFFIX}), a feature file ({', '.join(FEATURE_SUFFIXES)}) or a dataset "
            f"({', '.join(DATASETS)})"
        )
    near = difflib.get_close_matches(source, DATASETS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "for a folder or file, check the path"
    raise UsageError(
        f"unknown dataset {source!r}, and no folder or file of that name; "
        f"known datasets: {', '.join(DATASETS)}; {hint}"
    )


def _dataset_source(
    name: str, data_dir: str | Path | None, subset: Path | None, *, download: bool
) -> Source:
    info = DATASETS[name]
    contents = open_dataset(name, info, data_dir=data_dir, subset=subset, download=download)
    arguments = {"source": name}
    if info.files is not None:
        # Also where the environment told it, so that a run can be continued without.
        arguments["data_dir"] = str(data_directory(data_dir))
    if subset is not None:
        arguments["subset"] = str(subset)
    opened = Source(
        name, "dataset", contents.splits, arguments, contents.classes, contents.class_map
    )
    return replace(opened, notes=_notes(opened, info))


def _notes(source: Source, info: DatasetInfo) -> tuple[str, ...]:
    """Says where a dataset is not the whole one."""
    counts = {"train": info.n_train, "val": info.n_val}
    notes = [
        f"{source.name} {split} holds {n_here:,} images, the whole dataset {n_whole:,}"
        for split, n_whole in counts.items()
        if (n_here := source.count_images(split)) != n_whole
    ]
    if source.n_classes != info.n_classes:
        notes.append(
            f"{source.name} holds {source.n_classes:,} classes, the whole dataset "
            f"{info.n_classes:,}"
        )
    return tuple(notes)


def _arguments(path: Path, val_path: Path | None, labels: LabelSource = "none") -> dict[str, str]:
    """What opens a source of the user's own again."""
    arguments = {"source": str(path.resolve())}
    if labels != "none":
        arguments["labels"] = labels
    if val_path is not None:
        arguments["val"] = str(val_path.resolve())
    return arguments


def _folder_source(path: Path, labels: LabelSource, val_path: Path | None) -> Source:
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


def _manifest_source(path: Path, val_path: Path | None) -> Source:
    train = load_manifest(path)
    arguments = _arguments(path, val_path)
    if val_path is None:
        return Source(train.name, "manifest", {"train": train}, arguments)
    if val_path.suffix.lower() != MANIFEST_SUFFIX or not val_path.is_file():
        raise UsageError(
            f"expected a list of validation images ({MANIFEST_SUFFIX}) beside {path}, "
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
    return Source(train.name, "manifest", splits, arguments)


def _features_source(path: Path, val_path: Path | None, split: str) -> Source:
    train = _feature_split(path, split)
    arguments = _arguments(path, val_path)
    if val_path is None:
        return Source(train.name, "features", {"train": train}, arguments)
    val = _feature_split(val_path, "val")
    if val.features.shape[1] != train.features.shape[1]:
        raise UsageError(
            f"expected features of width {train.features.shape[1]} in {val_path}, as in {path}, "
            f"got {val.features.shape[1]}: make both with the same backbone"
        )
    splits = {"train": train, "val": _with_classes_of(train, val)}
    return Source(train.name, "features", splits, arguments)


def _feature_split(path: Path, split: str) -> FeatureArray:
    if not path.is_file():
        raise UsageError(f"expected a feature file ({', '.join(FEATURE_SUFFIXES)}), got {path}")
    return load_features(path, split=split)


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
