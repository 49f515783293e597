"""Which reader opens which file or folder."""

from pathlib import Path

from ucls.errors import UsageError
from ucls.images.contents import kind_of
from ucls.images.feature_readers.clip_retrieval import CLIP_RETRIEVAL
from ucls.images.feature_readers.hdf5 import HDF5
from ucls.images.feature_readers.matlab import MATLAB
from ucls.images.feature_readers.numpy_files import NPY, NPZ
from ucls.images.feature_readers.stored import Contents, FeatureReader, unreadable
from ucls.images.feature_readers.tables import FEATHER, PARQUET
from ucls.images.feature_readers.torch_files import TORCH
from ucls.images.feature_readers.zarr_folder import ZARR

READERS = (NPY, NPZ, HDF5, TORCH, PARQUET, FEATHER, MATLAB, ZARR, CLIP_RETRIEVAL)
FEATURE_SUFFIXES = tuple(suffix for reader in READERS for suffix in reader.suffixes)
"""What feature files are called; which they are is told by their contents."""


def reader_of(path: Path) -> FeatureReader | None:
    """The reader of a file or folder, whatever its name ends in; None if it holds no features.

    Raises:
        UsageError: if it cannot be read.
    """
    if path.is_dir():
        return next((reader for reader in READERS if reader.is_folder(path)), None)
    kind = _kind_of(path)
    return next((reader for reader in READERS if kind in reader.kinds), None)


def open_contents(path: Path) -> Contents:
    """Lists the arrays of a feature file.

    Raises:
        UsageError: if it is none, or cannot be read.
    """
    reader = reader_of(path)
    if reader is None:
        kind = "a folder without any" if path.is_dir() else _kind_of(path)
        raise UsageError(
            "expected a folder of images, a list of images (.csv) or a feature file "
            f"({', '.join(FEATURE_SUFFIXES)}), got {path}, which is {kind}"
        )
    return reader.open(path)


def _kind_of(path: Path) -> str:
    try:
        return kind_of(path)
    except OSError as error:
        raise unreadable(path, error) from error
