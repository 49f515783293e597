"""Feature files: one vector per image, made elsewhere, from ``.npy``, ``.npz`` or ``.h5``."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.contents import kind_of
from ucls.images.held_array import HeldArray
from ucls.images.sets import NO_LABEL, NamedLabels, encode_labels
from ucls.wording import cause, count

FEATURE_SUFFIXES = (".npy", ".npz", ".h5")
BATCH_SIZE = 1024
"""Of a feature file, which no model limits."""

_ROWS_AT_ONCE = 4_096
_DAMAGE = (
    OSError, MemoryError, RuntimeError, TypeError, ValueError, KeyError, EOFError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class FeatureArray:
    """Features that stand where images would.

    Attributes:
        name: what the source is called.
        split: ``train`` or ``val``.
        features: [N, D] of a numeric dtype, finite in float32.
        paths: N ids shown to users; these images have no files.
        labels: int32 [N] in 0..n_classes - 1, or -1 where it is not known; None without labels.
        class_names: the name of each label; empty without labels.
        fingerprint: sha256 over the features and labels, as hexadecimal digits.
        location: the resolved path of the file.
    """

    name: str
    split: str
    features: HeldArray
    paths: list[str]
    labels: NDArray[np.int32] | None
    class_names: tuple[str, ...]
    fingerprint: str
    location: str = ""

    def __len__(self) -> int:
        return len(self.features)


def load_features(path: Path, *, split: str = "train") -> FeatureArray:
    """Opens and checks a feature file.

    Args:
        path: in the format of ``.npy`` (memory-mapped), ``.npz`` or ``.h5``, whatever its name
            ends in; the last two hold ``features`` [N, D] and, if they like, ``labels`` [N] of
            integers or strings, -1 or empty where one is not known.
        split: the split that the features belong to.

    Raises:
        UsageError: if the file cannot be read, or its features are not a finite [N, D] array of
            numbers, for ``train`` varying and with N of at least 2, rows of zeros not counted, or
            its labels do not fit.
    """
    features, names = _read(path)
    is_trained_on = split == "train"
    _check_shape(path, features, n_least=2 if is_trained_on else 1)
    n_filled = _check_values(path, features, is_trained_on=is_trained_on)
    labels, class_names = (None, ()) if names is None else _encode(path, names, len(features))
    width = len(str(len(features) - 1))
    return FeatureArray(
        name=path.stem,
        split=split,
        features=HeldArray(features, lambda: _read(path)[0]),
        paths=[f"{path.stem}/{row:0{width}d}" for row in range(len(features))],
        labels=labels,
        class_names=class_names,
        fingerprint=_fingerprint(features, labels, class_names, n_filled),
        location=str(path.resolve()),
    )


def _fingerprint(
    features: NDArray[Any],
    labels: NDArray[np.int32] | None,
    class_names: tuple[str, ...],
    n_filled: int,
) -> str:
    parts = [fingerprint_array(features)]
    if labels is not None:
        parts += [fingerprint_array(labels), *class_names]
    if n_filled < len(features):
        parts.append("rows of zeros are skipped")  # earlier versions kept them in the cache
    return (
        parts[0]
        if len(parts) == 1
        else hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
    )


def fingerprint_array(array: NDArray[Any]) -> str:
    """Returns the sha256 of an array's dtype, shape and bytes, as hexadecimal digits."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    for _, rows in _chunks(array):
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()


def _chunks(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(array), _ROWS_AT_ONCE):
        yield start, array[start : start + _ROWS_AT_ONCE]


_Contents = tuple[NDArray[Any], NDArray[Any] | None]


def is_feature_file(path: Path) -> bool:
    """Whether a file holds arrays of features, whatever its name ends in.

    Raises:
        UsageError: if the file cannot be read.
    """
    return _kind_of(path) in _READERS


def _kind_of(path: Path) -> str:
    try:
        return kind_of(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> _Contents:
    kind = _kind_of(path)
    if kind not in _READERS:
        raise UsageError(
            "expected a folder of images, a list of images (.csv) or a feature file "
            f"({', '.join(FEATURE_SUFFIXES)}), got {path}, which is {kind}"
        )
    return _READERS[kind](path)


def _read_npy(path: Path) -> _Contents:
    with _damage(path):
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array, None


def _read_npz(path: Path) -> _Contents:
    with _damage(path):
        arrays = np.load(path, allow_pickle=False)
    with arrays:
        if not any(name.endswith(".npy") for name in arrays.zip.namelist()):
            raise UsageError(
                f"expected features (.npy, .npz, .h5) or a list of images (.csv), got {path}, "
                "which is a zip archive of another kind: save its content as one of these"
            )
        names = _expected_names(path, list(arrays))
        found = {}
        for name in names:
            with _damage(f"{name!r} in {path}"):
                found[name] = np.asarray(arrays[name])
    return found["features"], found.get("labels")


def _read_h5(path: Path) -> _Contents:
    import h5py

    with _damage(path):
        file = h5py.File(path, "r")
    with file:
        names = _expected_names(path, list(file))
        found = {}
        for name in names:
            with _damage(f"{name!r} in {path}"):
                found[name] = _read_dataset(path, file, name)
    return found["features"], found.get("labels")


def _read_dataset(path: Path, file: Any, name: str) -> NDArray[Any]:
    """Reads an array of an HDF5 file, if there is one of the name."""
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
    values: NDArray[Any] = np.asarray(dataset[()])
    return values


_READERS = {
    "a NumPy array": _read_npy,
    "a zip archive": _read_npz,
    "an empty zip archive": _read_npz,
    "an HDF5 file": _read_h5,
}

_PLAIN = {
    "features": "save them as an array of numbers",
    "labels": "save them as integers or as texts, such as labels.astype(str)",
}


@contextmanager
def _damage(what: str | Path) -> Iterator[None]:
    """Names what cannot be read of a file, and why."""
    try:
        yield
    except _DAMAGE as error:
        raise _unreadable(what, error) from error


def _unreadable(what: str | Path, error: BaseException) -> UsageError:
    text = " ".join(str(error).split())
    if "allow_pickle" in text or "Python objects" in text:
        name = "labels" if str(what).startswith("'labels'") else "features"
        return UsageError(
            f"{what} holds Python objects (a pickle), which are never loaded: {_PLAIN[name]}"
        )
    reason = cause(error) or f"it is damaged or incomplete ({text}); save or copy it again"
    return UsageError(f"cannot read {what}: {reason}")


def _expected_names(path: Path, names: list[str]) -> list[str]:
    if "features" not in names:
        raise UsageError(
            f"expected an array named 'features' in {path}, found "
            f"{', '.join(names[:20]) or 'nothing'}: save the features under that name"
        )
    return [name for name in ("features", "labels") if name in names]


def _check_shape(path: Path, features: NDArray[Any], n_least: int) -> None:
    if features.dtype.kind not in "fiu":
        raise UsageError(
            f"expected numbers as features in {path}, got dtype {features.dtype}: "
            "save them as float32"
        )
    if features.ndim != 2 or features.shape[1] < 1:
        raise UsageError(
            f"expected features of shape [N, D] in {path}, got {list(features.shape)}: "
            "give one row per image"
        )
    if len(features) < n_least:
        raise UsageError(
            f"expected at least {count(n_least, 'row')} of features in {path}, got "
            f"{len(features)}: add more"
        )


def _check_values(path: Path, features: NDArray[Any], *, is_trained_on: bool) -> int:
    """Refuses features that cannot be used; returns how many rows are not all zeros."""
    bad_rows: list[int] = []
    vanished_rows: list[int] = []
    first: NDArray[Any] = np.empty((0, features.shape[1]), np.float32)
    n_filled, constant = 0, True
    for start, chunk in _chunks(features):
        with np.errstate(over="ignore"):  # what is too large for float32 is reported below
            values = chunk.astype(np.float32)
        is_filled = values.any(axis=1)
        bad_rows.extend((start + np.flatnonzero(~np.isfinite(values).all(axis=1))).tolist())
        vanished_rows.extend((start + np.flatnonzero(chunk.any(axis=1) & ~is_filled)).tolist())
        filled = values[is_filled]
        first = first if len(first) else filled[:1]
        n_filled, constant = n_filled + len(filled), constant and bool((filled == first).all())
    if bad_rows:
        raise UsageError(
            f"expected finite features in {path}, got NaN, infinity or values beyond float32 in "
            f"{len(bad_rows)} of {len(features)} rows, first in row {bad_rows[0]}: "
            "remove or repair these rows, or divide all features where they are only too large"
        )
    if vanished_rows:
        raise UsageError(
            f"expected features within float32 in {path}, got only values so small that they "
            f"become 0 in {len(vanished_rows)} of {len(features)} rows, first in row "
            f"{vanished_rows[0]}: multiply all features by a large number"
        )
    if not is_trained_on:
        return n_filled
    if n_filled < 2:
        raise UsageError(
            f"all but {n_filled} of the {len(features)} rows of features in {path} are zeros, so "
            "there is nothing to tell apart: extract the features again"
        )
    if constant:
        raise UsageError(
            f"all {n_filled} rows of features in {path} are equal, so nothing tells the "
            "images apart: extract the features again"
        )
    return n_filled


def _encode(path: Path, values: NDArray[Any], n_rows: int) -> NamedLabels:
    """Maps labels of integers or strings to 0..n_classes - 1 and their names."""
    if values.shape != (n_rows,):
        raise UsageError(
            f"expected {count(n_rows, 'label')} in {path}, one per row of features, "
            f"got shape {list(values.shape)}"
        )
    if values.dtype.kind in "iu":
        classes, labels = np.unique(values, return_inverse=True)
        if classes[0] < NO_LABEL:
            raise UsageError(
                f"expected labels of 0 or more in {path}, or -1 where one is not known, got "
                f"{classes[0]}: renumber them"
            )
        known = classes[classes != NO_LABEL]
        numbers = (labels - (len(classes) - len(known))).astype(np.int32)
        return numbers if len(known) else None, tuple(map(str, known))
    if values.dtype.kind not in "OSU":
        raise UsageError(
            f"expected integers or strings as labels in {path}, got dtype {values.dtype}: "
            "save them as integers, with -1 where one is not known"
        )
    return encode_labels([_as_text(path, value) for value in values])


def _as_text(path: Path, value: object) -> str:
    if isinstance(value, bytes):  # how HDF5 gives strings
        return value.decode("utf-8", errors="surrogateescape")
    if isinstance(value, str):
        return str(value)  # numpy has a kind of its own
    raise UsageError(
        f"expected integers or strings as labels in {path}, got {type(value).__name__}"
    )
