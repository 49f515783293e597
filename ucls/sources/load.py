"""Which kind of source is meant."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ucls.datasets import DATASETS
from ucls.errors import UsageError
from ucls.images.feature_files import FeatureArray
from ucls.images.feature_readers.registry import FEATURE_SUFFIXES, reader_of
from ucls.images.files import is_image_file
from ucls.images.manifest import MANIFEST_SUFFIXES
from ucls.images.packed.shards import find_shards, is_pattern
from ucls.images.sets import ImageSet, LabelSource, load_image
from ucls.sources.known import dataset_source
from ucls.sources.own import features_source, folder_source, manifest_source, packed_source
from ucls.sources.source import Source
from ucls.wording import cause


def load_source(
    source: str,
    *,
    labels: LabelSource = "none",
    val: str | None = None,
    array: str | None = None,
    data_dir: str | Path | None = None,
    subset: str | Path | None = None,
    download: bool = False,
    is_trained_on: bool = True,
) -> Source:
    """Opens what a run works on.

    Args:
        source: a name from :data:`ucls.datasets.DATASETS`, a folder of images, a list of images
            (``.csv``, ``.tsv``, ``.txt``), or a feature file, as
            :func:`ucls.images.feature_files.load_features` has them; or images inside of files:
            ``.tar`` or ``.tar.gz`` shards (a file, a folder, or a pattern such as
            ``data/{000..099}.tar``),
            ``.parquet`` with a column of images, or a folder by Hugging Face's ``save_to_disk``.
            Where they are not trained on, also a single image file.
        labels: ``folders`` takes the first level of sub-folders as the classes of the images.
        val: a second source of the same kind, of images that are labelled but never trained on.
        array: which array of a feature file holds the features, or which column of a table the
            images; None for one of the usual names.
        data_dir: where datasets known by name lie; None for ``$UCLS_DATA``.
        subset: a text file of WordNet ids, the classes of ``imagenet50``, 100 or 200.
        download: fetch a dataset that is not there.
        is_trained_on: whether the images have to be such that clusters can be learned from them;
            a single one can be labelled.

    Raises:
        UsageError: if there is no such source, or it cannot be used; the message says why.
        UclsError: if the download fails.

    Example:
        >>> from ucls.sources import load_source
        >>> source = load_source("features.npz")
        >>> source.n_images, source.n_classes
        (120, 4)
    """
    if source in DATASETS:
        _refuse_own_data(source, labels, val)
        _refuse_array(source, array)
        list_path = None if subset is None else Path(subset).expanduser().resolve()
        return dataset_source(source, data_dir, list_path, download=download)
    path = _existing_path(source)
    _refuse_dataset_options(path, data_dir=data_dir, subset=subset, download=download)
    val_path = None if val is None else _existing_path(val)
    shards = find_shards(path)
    if shards is None and not path.is_dir() and not path.is_file():  # a pipe would be waited for
        raise UsageError(f"expected a file or a folder, got {path}, which is neither")
    has_features = shards is None and reader_of(path) is not None
    if shards is None and path.is_dir() and not has_features:
        _refuse_array(source, array)
        return folder_source(path, labels, val_path)
    if labels != "none":
        raise UsageError(
            f"labels from sub-folders need a folder of images, got {path}: "
            "put labels into a feature file as an array named 'labels', into a list or table of "
            "images as a column 'label', and beside images in an archive as .cls"
        )
    if shards is not None:
        return packed_source(shards, val_path, array=array)
    if is_image_file(path) and not is_trained_on:
        _refuse_array(source, array)
        images = load_image(path)
        return Source(images.name, "folder", {"train": images}, {"source": str(path.resolve())})
    if path.suffix.lower() in MANIFEST_SUFFIXES and not has_features:
        _refuse_array(source, array)
        return manifest_source(path, val_path)
    split = "train" if is_trained_on else "val"
    return features_source(path, val_path, split=split, array=array)


def _refuse_array(source: str, array: str | None) -> None:
    if array is not None:
        raise UsageError(
            f"--array belongs to files of arrays, got the source {source}: leave it out"
        )


def reopen(provenance: Mapping[str, Any]) -> ImageSet | FeatureArray:
    """Opens the images that a feature cache was made of.

    Args:
        provenance: what the cache tells of them.

    Raises:
        KeyError: if it does not tell where they are.
        UclsError: if they cannot be opened any more.
    """
    data_dir, array = provenance.get("data_dir"), provenance.get("array")
    source = load_source(provenance["source"], data_dir=data_dir, array=array)
    return source.splits[provenance["split"]]


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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise UsageError(f"cannot use {str(path)[:80]!r}: {cause(error) or error}") from error


def _existing_path(source: str) -> Path:
    path = Path(source).expanduser()
    if source and (_exists(path) or is_pattern(path)):
        return path
    if not re.fullmatch(r"[\w-]+", source):  # it does not look like a name
        raise UsageError(
            f"no such file or folder: {source!r}; expected a folder of images, a list of images "
            f"({', '.join(MANIFEST_SUFFIXES)}), a feature file ({', '.join(FEATURE_SUFFIXES)}) "
            f"or a dataset ({', '.join(DATASETS)})"
        )
    near = difflib.get_close_matches(source, DATASETS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "for a folder or file, check the path"
    raise UsageError(
        f"unknown dataset {source!r}, and no folder or file of that name; "
        f"known datasets: {', '.join(DATASETS)}; {hint}"
    )
