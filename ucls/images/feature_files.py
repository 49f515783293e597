"""Feature files: one vector per image, made elsewhere, from ``.npy``, ``.npz`` or ``.h5``."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.feature_readers import read_contents
from ucls.images.files import as_text
from ucls.images.sets import NO_LABEL, encode_given_labels

FEATURE_SUFFIXES = (".npy", ".npz", ".h5")
BATCH_SIZE = 1024
"""Of a feature file, which no model limits."""

_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class FeatureArray:
    """Features that stand where images would.

    Attributes:
        name: what the source is called.
        split: ``train`` or ``val``.
        features: [N, D] of a numeric dtype, finite in float32; may be a memory map.
        paths: N ids shown to users; these images have no files.
        labels: int32 [N] in 0..n_classes - 1, or None.
        class_names: the name of each label; empty without labels.
        fingerprint: sha256 over the features and labels, as hexadecimal digits.
        location: the resolved path of the file.
    """

    name: str
    split: str
    features: NDArray[Any]
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
        path: ``.npy`` (memory-mapped), ``.npz`` or ``.h5`` by its content; the last two hold
            ``features`` [N, D] and, if they like, ``labels`` [N] of integers or strings, -1 or
            empty where the class is not known.
        split: the split that the features belong to.

    Raises:
        UsageError: if the file cannot be read, or its features are not a finite, varying
            [N, D] array of numbers with N of at least 2, rows of zeros not counted, or its labels
            do not fit.
    """
    features, names = read_contents(path)
    _check_shape(path, features)
    n_filled = _check_values(path, features)
    labels, class_names = (None, ()) if names is None else _encode(path, names, len(features))
    name, width = as_text(path.stem), len(str(len(features) - 1))
    return FeatureArray(
        name=name,
        split=split,
        features=features,
        paths=[f"{name}/{row:0{width}d}" for row in range(len(features))],
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
    return parts[0] if len(parts) == 1 else hashlib.sha256("\0".join(parts).encode()).hexdigest()


def fingerprint_array(array: NDArray[Any]) -> str:
    """Returns the sha256 of an array's dtype, shape and bytes, as hexadecimal digits."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    for _, rows in _chunks(array):
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()


def _chunks(array: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(array), _ROWS_AT_ONCE):
        yield start, array[start : start + _ROWS_AT_ONCE]


def _check_shape(path: Path, features: NDArray[Any]) -> None:
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
    if len(features) < 2:
        raise UsageError(f"expected at least 2 rows of features in {path}, got {len(features)}")


def _check_values(path: Path, features: NDArray[Any]) -> int:
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
            "remove or repair these rows"
        )
    if vanished_rows:
        raise UsageError(
            f"expected features within float32 in {path}, got only values so small that they "
            f"become 0 in {len(vanished_rows)} of {len(features)} rows, first in row "
            f"{vanished_rows[0]}: multiply all features by a large number"
        )
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


def _encode(
    path: Path, values: NDArray[Any], n_rows: int
) -> tuple[NDArray[np.int32] | None, tuple[str, ...]]:
    """Maps labels of integers or strings to 0..n_classes - 1 and their names."""
    if values.shape != (n_rows,):
        raise UsageError(
            f"expected {n_rows} labels in {path}, one per row of features, "
            f"got shape {list(values.shape)}"
        )
    if values.dtype.kind in "OS":  # how HDF5 gives strings
        values = np.array([_as_text(path, value) for value in values])
    if values.dtype.kind not in "iuU":
        raise UsageError(
            f"expected integers or strings as labels in {path}, got dtype {values.dtype}: save "
            "labels.astype(int), with -1 where the class is not known"
        )
    if values.dtype.kind == "U":
        return encode_given_labels(values.tolist())
    known = values != NO_LABEL
    if not known.any():
        return None, ()
    if (values[known] < 0).any():
        raise UsageError(
            f"expected labels of 0 or more in {path}, or -1 where the class is not known, got "
            f"{values.min()}: number the classes from 0"
        )
    classes, numbers = np.unique(values[known], return_inverse=True)
    labels = np.full(n_rows, NO_LABEL, np.int32)
    labels[known] = numbers
    return labels, tuple(str(name) for name in classes)


def _as_text(path: Path, value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, str):
        return value
    raise UsageError(
        f"expected integers or strings as labels in {path}, got {type(value).__name__}"
    )
