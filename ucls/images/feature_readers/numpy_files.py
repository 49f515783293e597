"""NumPy's own files: ``.npy``, mapped into memory, and ``.npz``."""

import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
)

_SUFFIX = ".npy"


@contextmanager
def _named_damage(what: str | Path) -> Iterator[None]:
    """As :func:`named_damage`; what NumPy of Python 2 wrote is read without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Reading `.npy` or `.npz` file")
        # NumPy lets it pass where a header is no Python.
        with named_damage(what, tokenize.TokenError):
            yield


def mapped(path: Path) -> StoredArray:
    """Maps a ``.npy`` file into memory.

    Raises:
        UsageError: if it cannot be read, or holds Python objects.
    """
    with _named_damage(path):
        values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return StoredArray.held(values)


def _open_npz(path: Path) -> Contents:
    with _named_damage(path), np.load(path, allow_pickle=False) as arrays:
        names = list(arrays)
        if not any(name.endswith(_SUFFIX) for name in arrays.zip.namelist()):
            raise UsageError(
                f"expected features (.npy, .npz, .h5) or a list of images (.csv), got {path}, "
                "which is a zip archive of another kind: save its content as one of these"
            )
    return Contents.named(names, lambda name: _member(path, name))


def _member(path: Path, name: str) -> StoredArray:
    def read(rows: slice) -> NDArray[Any]:
        with _named_damage(f"{name!r} in {path}"), np.load(path, allow_pickle=False) as arrays:
            values: NDArray[Any] = arrays[name]
        return values[rows]

    with (
        _named_damage(f"{name!r} in {path}"),
        np.load(path, allow_pickle=False) as arrays,
        arrays.zip.open(name + _SUFFIX) as file,
    ):
        shape, dtype = _header(file)
    return StoredArray(shape, dtype, read, is_divisible=False)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("Python objects")
    return shape, dtype


NPY = FeatureReader((".npy",), lambda path: Contents.nameless(mapped(path)), ("a NumPy array",))
NPZ = FeatureReader((".npz",), _open_npz, ("a zip archive", "an empty zip archive"))
