"""MATLAB's ``.mat``: by SciPy up to version 7, by h5py since 7.3."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.columns import LABELS
from ucls.images.feature_readers.hdf5 import check_dataset
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
)

_DTYPES: dict[str, np.dtype[Any]] = {
    "double": np.dtype("f8"), "single": np.dtype("f4"),
    "int8": np.dtype("i1"), "int16": np.dtype("i2"), "int32": np.dtype("i4"),
    "int64": np.dtype("i8"), "uint8": np.dtype("u1"), "uint16": np.dtype("u2"),
    "uint32": np.dtype("u4"), "uint64": np.dtype("u8"),
}  # fmt: skip
"""What MATLAB calls a class of numbers, and what it is."""


def _open(path: Path) -> Contents:
    import h5py
    from scipy.io.matlab import MatReadError

    with named_damage(path, MatReadError):
        return _open_hdf5(path) if h5py.is_hdf5(path) else _open_older(path)


def _open_older(path: Path) -> Contents:
    from scipy.io import whosmat

    listed = {name: (shape, kind) for name, shape, kind in whosmat(path)}
    return Contents.named(listed, lambda name: _of_older(path, name, *listed[name]))


def _of_older(path: Path, name: str, shape: tuple[int, ...], kind: str) -> StoredArray:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    def load() -> Any:
        with named_damage(f"{name!r} in {path}", MatReadError):
            return loadmat(path, variable_names=[name], mat_dtype=True)[name]

    if name in LABELS and kind in ("cell", "char"):
        texts = [np.asarray(cell).ravel().tolist() for cell in load().ravel()]
        return StoredArray.held(np.array(["".join(map(str, text)) for text in texts]))
    _check_class(path, name, kind)
    if name in LABELS:
        return StoredArray.held(load().ravel())
    return StoredArray(shape, _DTYPES[kind], lambda rows: load()[rows], is_divisible=False)


def _check_class(path: Path, name: str, kind: str) -> None:
    if kind not in _DTYPES:
        raise UsageError(
            f"expected numbers as {name!r} in {path}, got MATLAB's {kind}: save a full matrix of "
            "numbers under this name"
        )


def _open_hdf5(path: Path) -> Contents:
    import h5py

    with h5py.File(path, "r") as file:
        names = [
            name
            for name, item in file.items()
            if isinstance(item, h5py.Dataset) and not name.startswith("#")
        ]
    return Contents.named(names, lambda name: _of_hdf5(path, name))


def _of_hdf5(path: Path, name: str) -> StoredArray:
    """An array whose axes MATLAB writes in the reverse order."""
    import h5py

    def read(rows: slice) -> NDArray[Any]:
        with named_damage(f"{name!r} in {path}"), h5py.File(path, "r") as file:
            return np.asarray(file[name][..., rows]).T

    with named_damage(f"{name!r} in {path}"), h5py.File(path, "r") as file:
        dataset = check_dataset(path, file, name)
        _check_class(path, name, bytes(dataset.attrs.get("MATLAB_class", b"double")).decode())
        if name in LABELS:
            return StoredArray.held(np.ravel(dataset[()]))
        return StoredArray(dataset.shape[::-1], dataset.dtype, read)


MATLAB = FeatureReader((".mat",), _open, ("a MATLAB file",))
