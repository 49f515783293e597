"""Zarr: a folder that holds an array, or a group of them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.feature_readers import anndata
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
    needed,
)

_MARKS = ("zarr.json", ".zgroup", ".zarray")


def _is_zarr(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _MARKS)


def _open(path: Path) -> Contents:
    zarr = needed("zarr", "Zarr")
    with named_damage(path):
        root = zarr.open(str(path), mode="r")
        if isinstance(root, zarr.Array):
            return Contents.nameless(_stored(path, root))
        members = dict(root.members(max_depth=None))
        names = [name for name, item in members.items() if isinstance(item, zarr.Array)]

        def array(name: str) -> StoredArray:
            if anndata.is_categorical(members.get(name)):
                return StoredArray.held(anndata.categories(members[name]))
            return _stored(path, root[name])

        if anndata.is_one(root):
            return anndata.contents(root, names, array)
        return Contents.named(names, array)


def _stored(path: Path, array: Any) -> StoredArray:
    if "pickle" in repr(array.metadata.to_dict()).lower():
        raise UsageError(
            f"{array.name or 'the array'} in {path} is packed as Python objects (a pickle), which "
            "are never loaded: save it as an array of numbers or texts"
        )

    def read(rows: slice) -> NDArray[Any]:
        with named_damage(path):
            values = np.asarray(array[rows])
        return values.astype(object) if values.dtype.kind == "T" else values

    return StoredArray(tuple(array.shape), np.dtype(array.dtype), read)


ZARR = FeatureReader((".zarr",), _open, is_folder=_is_zarr)
