"""Arrays of features and labels out of files, whatever the suffix says."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.contents import HDF5, NPY, NPZ, content_of


class Contents(NamedTuple):
    """What a feature file holds."""

    features: NDArray[Any]
    labels: NDArray[Any] | None


def read_contents(path: Path) -> Contents:
    """Reads ``features`` and, where there are any, ``labels``; a ``.npy`` file is memory-mapped.

    Raises:
        UsageError: if the file is of another kind, damaged, in use, or holds no such arrays.
    """
    with _causes(path):
        content = content_of(path)
        if content in _READERS:
            return _READERS[content](path)
    raise UsageError(
        "expected a folder of images, a list of images (.csv) or a feature file (.npy, .npz, "
        f".h5), got {path}, which is {content}"
    )


def _read_npy(path: Path) -> Contents:
    return Contents(np.load(path, mmap_mode="r", allow_pickle=False), None)


def _read_npz(path: Path) -> Contents:
    with np.load(path, allow_pickle=False) as arrays:
        _require_features(path, list(arrays))
        features, labels = (_member(path, arrays, name) for name in Contents._fields)
    assert features is not None
    return Contents(features, labels)


def _member(path: Path, arrays: Any, name: str) -> NDArray[Any] | None:
    if name not in arrays:
        return None
    with _causes(path, array=name):
        array: NDArray[Any] = arrays[name]
        return array


def _read_h5(path: Path) -> Contents:
    import h5py

    with h5py.File(path, "r") as file:
        _require_features(path, list(file))
        features, labels = (_dataset(path, file, name) for name in Contents._fields)
    assert features is not None
    return Contents(features, labels)


def _dataset(path: Path, file: Any, name: str) -> NDArray[Any] | None:
    import h5py

    if name not in list(file):
        return None
    with _causes(path, array=name):
        if file.get(name) is None:
            raise UsageError(
                f"{name} in {path} is a link to what is not there: save the array itself in this "
                "file"
            )
        found = file[name]
        if isinstance(found, h5py.Group):
            members = ", ".join(found) or "nothing"
            raise UsageError(
                f"expected an array named {name!r} in {path}, got a group of that name, which "
                f"holds {members}: save the array itself under this name"
            )
        values: NDArray[Any] = np.asarray(found[()])
        return values


_READERS: dict[str, Callable[[Path], Contents]] = {
    NPY: _read_npy,
    NPZ: _read_npz,
    HDF5: _read_h5,
}


def _require_features(path: Path, names: list[str]) -> None:
    if "features" not in names:
        raise UsageError(
            f"expected an array named 'features' in {path}, found {', '.join(names) or 'nothing'}"
        )


@contextmanager
def _causes(path: Path, *, array: str = "features") -> Iterator[None]:
    """Turns what NumPy and h5py raise into the cause.

    Raises:
        UsageError: in place of what they raise.
    """
    from ucls.cache import open_problem

    try:
        yield
    except UsageError:
        raise
    except (OSError, TypeError, ValueError, EOFError, RuntimeError, KeyError) as error:
        raise UsageError(_cause(path, array, error, open_problem(error))) from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(_damaged(path, array)) from error


def _cause(path: Path, array: str, error: Exception, problem: str | None) -> str:
    told = " ".join(str(error).split())
    if problem is not None:
        return f"cannot read {path}: {problem}"
    if "allow_pickle" in told or "Python objects" in told:
        how = "labels.astype(str)" if array == "labels" else "a plain array of numbers"
        return (
            f"{array} in {path} are Python objects (a pickle), which are never loaded: save them "
            f"as {how}"
        )
    if "filter" in told or "plugin" in told:
        return (
            f"cannot read {path}: its {array} are compressed by what HDF5 lacks here; "
            "save them with gzip or without compression"
        )
    return _damaged(path, array)


def _damaged(path: Path, array: str) -> str:
    return f"cannot read {path}: its {array} are damaged or incomplete; save them again"
