"""Opening the dataset of a benchmark."""

from pathlib import Path

from ucls.datasets import DATASETS, data_directory
from ucls.datasets.subset import ORIGIN
from ucls.errors import UsageError
from ucls.sources import Source, load_source


def open_source(
    name: str, *, data_dir: Path | None, subset_dir: Path | None, download: bool
) -> Source:
    """Opens a dataset; ``subset_dir`` holds the classes of the subsets of ImageNet.

    Raises:
        UsageError: if it is not there, with how to get it, or is damaged.
        UclsError: if the download fails.
    """
    info = DATASETS[name]
    if info.files is not None and data_directory(data_dir) is None:
        raise UsageError(
            f"where {name} lies is not known: give --data-dir DIR, or set UCLS_DATA to the folder; "
            f"it comes from {info.files.origin}"
            + (", and --download fetches it" if info.downloads else "")
        )
    subset = None
    if info.takes_subset:
        subset = _subset_file(name, info.n_classes, subset_dir)
    return load_source(name, data_dir=data_dir, subset=subset, download=download)


def _subset_file(name: str, n_classes: int, subset_dir: Path | None) -> Path:
    """The list of classes, which must be there."""
    file = f"imagenet_{n_classes}.txt"
    path = None if subset_dir is None else subset_dir.expanduser() / file
    if path is not None and path.is_file():
        return path
    where = "--subset-dir DIR with" if path is None else f"in {subset_dir}"
    raise UsageError(
        f"{name} needs {where} {file}, the WordNet ids of its classes: it lies in "
        f"data/imagenet_subsets of SCAN ({ORIGIN})"
    )
