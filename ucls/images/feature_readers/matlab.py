"""MATLAB's ``.mat``: by SciPy up to version 7, in a process of its own, by h5py since 7.3."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
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

PROCESS = Path(__file__).with_name("matlab_process.py")

_DTYPES: dict[str, np.dtype[Any]] = {
    "double": np.dtype("f8"), "single": np.dtype("f4"),
    "int8": np.dtype("i1"), "int16": np.dtype("i2"), "int32": np.dtype("i4"),
    "int64": np.dtype("i8"), "uint8": np.dtype("u1"), "uint16": np.dtype("u2"),
    "uint32": np.dtype("u4"), "uint64": np.dtype("u8"),
}  # fmt: skip
"""What MATLAB calls a class of numbers, and what it is."""


def _open(path: Path) -> Contents:
    import h5py

    with named_damage(path):
        return _open_hdf5(path) if h5py.is_hdf5(path) else _open_older(path)


def _open_older(path: Path) -> Contents:
    listed = {name: (tuple(shape), kind) for name, shape, kind in json.loads(_apart(path))}
    return Contents.named(listed, lambda name: _of_older(path, name, *listed[name]))


def _of_older(path: Path, name: str, shape: tuple[int, ...], kind: str) -> StoredArray:
    def load() -> NDArray[Any]:
        with named_damage(f"{name!r} in {path}"), TemporaryDirectory() as folder:
            out = Path(folder) / "array.npy"
            _apart(path, name, str(out))
            values: NDArray[Any] = np.load(out, allow_pickle=False)
        return values

    is_label = name in LABELS
    if not (is_label and kind in ("cell", "char")):
        _check_class(path, name, kind)
    if is_label:
        return StoredArray.held(load().ravel())
    return StoredArray(shape, _DTYPES[kind], lambda rows: load()[rows], is_divisible=False)


def _apart(path: Path, *arguments: str) -> str:
    """What the process says that reads a file; ValueError if it cannot."""
    done = subprocess.run(
        [sys.executable, str(PROCESS), str(path), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr.strip() or "its reader stopped")
    return done.stdout


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
