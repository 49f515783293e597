"""HDF5 files: plain ones, AnnData's ``.h5ad``, and MATLAB's since version 7.3."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.columns import FEATURES, LABELS
from ucls.images.feature_readers import anndata
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
)


def _open(path: Path) -> Contents:
    import h5py

    with named_damage(path), h5py.File(path, "r") as file:
        if anndata.is_one(file):
            return anndata.contents(file, _inner_names(file), lambda name: _stored(path, name))
        names = _inner_names(file)
        # Links and groups of a usual name are told what is wrong with them.
        names += [name for name in file if name in (*FEATURES, *LABELS) and name not in names]
    return Contents.named(names, lambda name: _stored(path, name))


def _inner_names(file: Any) -> list[str]:
    """The path of every array in a file."""
    import h5py

    names: list[str] = []
    file.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return names


def _stored(path: Path, name: str) -> StoredArray:
    import h5py

    def read(rows: slice) -> NDArray[Any]:
        with named_damage(f"{name!r} in {path}"), h5py.File(path, "r") as file:
            return np.asarray(file[name][rows])

    with named_damage(f"{name!r} in {path}"), h5py.File(path, "r") as file:
        if anndata.is_categorical(file.get(name)):
            return StoredArray.held(anndata.categories(file[name]))
        dataset = check_dataset(path, file, name)
        return StoredArray(dataset.shape, dataset.dtype, read)


def check_dataset(path: Path, file: Any, name: str) -> Any:
    """Finds an array of an open HDF5 file.

    Raises:
        UsageError: if there is none of the name that can be read.
    """
    import h5py

    link = file.get(name, getlink=True)
    if isinstance(link, h5py.SoftLink | h5py.ExternalLink) and file.get(name) is None:
        target = getattr(link, "filename", link.path)
        raise UsageError(f"{name!r} in {path} is a link to {target}, which cannot be followed")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise UsageError(
            f"expected an array as {name!r} in {path}, got a group "
            f"({', '.join(dataset) or 'empty'}): save the array itself under this name"
        )
    if dataset.shape is None:
        raise UsageError(f"expected an array as {name!r} in {path}, got nothing: save it again")
    filters = dataset.id.get_create_plist()
    for number in range(filters.get_nfilters()):
        code, _, _, label = filters.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            raise UsageError(
                f"{name!r} in {path} is packed with the HDF5 filter "
                f"{label.decode(errors='replace') or code}, which is not installed: "
                "save it unpacked, or with gzip"
            )
    return dataset


HDF5 = FeatureReader((".h5", ".hdf5", ".h5ad"), _open, ("an HDF5 file",))
