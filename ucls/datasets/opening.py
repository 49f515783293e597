"""From the name of a dataset to its images."""

import os
from dataclasses import replace
from pathlib import Path

from ucls.datasets.info import DatasetContents, DatasetFiles, DatasetInfo
from ucls.datasets.subset import missing_subset, read_subset
from ucls.errors import UsageError


def data_directory(data_dir: str | Path | None = None) -> Path | None:
    """Returns the folder of the datasets: the one given, else ``$UCLS_DATA``, else None."""
    chosen = data_dir or os.environ.get("UCLS_DATA")
    return Path(chosen).expanduser().resolve() if chosen else None


def open_dataset(
    name: str,
    info: DatasetInfo,
    *,
    data_dir: str | Path | None = None,
    subset: Path | None = None,
    download: bool = False,
) -> DatasetContents:
    """Finds a dataset and opens it, without decoding any image.

    Args:
        name: of the dataset, for messages.
        info: what is known about it.
        data_dir: where datasets lie, or its own folder; see :func:`data_directory`.
        subset: list of its classes, for a dataset that takes one.
        download: fetch its files if they are not there.

    Raises:
        UsageError: if it is not there, is damaged, or the options do not fit.
        UclsError: if the download fails.
    """
    if subset is not None and not info.takes_subset:
        raise UsageError(
            f"{name} takes no subset of classes, got {subset}: leave it out, or choose "
            "imagenet50, imagenet100 or imagenet200"
        )
    if subset is None and info.takes_subset:
        raise missing_subset(name, info.n_classes)
    classes = None if subset is None else read_subset(subset, info.n_classes)
    if info.files is None:
        return info.load(Path())
    folder = _find(name, info.files, data_directory(data_dir), download=download)
    contents = info.load(folder)
    if classes is None:
        return contents
    _check_complete(classes, contents, folder)
    return replace(contents, classes=classes)


def _find(name: str, files: DatasetFiles, data_dir: Path | None, *, download: bool) -> Path:
    folder = files.find(data_dir)
    if folder is not None:
        return folder
    if data_dir is None:
        raise UsageError(
            f"where {name} lies is not known: give --data-dir DIR, or set UCLS_DATA to the folder"
        )
    if download and files.download is not None:
        files.download(data_dir)
        folder = files.find(data_dir)
    if folder is not None:
        return folder
    can_be_had = f"add --download, or get it from {files.origin}"
    raise UsageError(
        f"{name} is not in {data_dir}: expected {data_dir / files.folders[0]} with "
        f"{files.expected}; {can_be_had if files.download else _by_hand(files, download)}"
    )


def _by_hand(files: DatasetFiles, download: bool) -> str:
    instead = "it cannot be downloaded from here, so get it" if download else "get it"
    return f"{instead} from {files.origin}"


def _check_complete(classes: tuple[str, ...], contents: DatasetContents, folder: Path) -> None:
    available = contents.splits["train"].class_names
    missing = sorted(set(classes) - set(available))
    if missing:
        raise UsageError(
            f"expected all {len(classes)} classes of the subset in {folder}, got "
            f"{len(classes) - len(missing)}; {missing[0]} is missing: unpack it too"
        )
