"""What features have to be like, so that they can be clustered."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.array_fingerprint import Fingerprint, chunks
from ucls.images.feature_readers.stored import StoredArray
from ucls.images.held_array import HeldArray
from ucls.wording import count


class Surveyed(NamedTuple):
    """What one reading of features tells."""

    n_filled: int
    """Rows that are not all zeros."""
    digest: str
    """As :func:`ucls.images.array_fingerprint.fingerprint_array` has it."""


def check_shape(path: Path, features: StoredArray, n_least: int) -> None:
    """Refuses what is no [N, D] of numbers, before it is read.

    Raises:
        UsageError: if it is not, or has less than ``n_least`` rows.
    """
    if features.dtype.kind not in "fiu":
        raise UsageError(
            f"expected numbers as features in {path}, got dtype {features.dtype}: "
            "save them as float32"
        )
    if len(features.shape) != 2 or features.shape[1] < 1:
        raise UsageError(
            f"expected features of shape [N, D] in {path}, got {list(features.shape)}: "
            "give one row per image"
        )
    if features.shape[0] < n_least:
        raise UsageError(
            f"expected at least {count(n_least, 'row')} of features in {path}, got "
            f"{features.shape[0]}: add more"
        )


def survey(path: Path, features: HeldArray, *, is_trained_on: bool) -> Surveyed:
    """Goes through all features once.

    Raises:
        UsageError: if they are not finite in float32, or tell nothing apart that is trained on.
    """
    bad_rows: list[int] = []
    vanished_rows: list[int] = []
    fingerprint = Fingerprint(features)
    first: NDArray[Any] = np.empty((0, features.shape[1]), np.float32)
    n_filled, constant = 0, True
    for start, chunk in chunks(features):
        fingerprint.add(chunk)
        with np.errstate(over="ignore"):  # what is too large for float32 is reported below
            values = chunk.astype(np.float32)
        is_filled = values.any(axis=1)
        bad_rows.extend((start + np.flatnonzero(~np.isfinite(values).all(axis=1))).tolist())
        vanished_rows.extend((start + np.flatnonzero(chunk.any(axis=1) & ~is_filled)).tolist())
        filled = values[is_filled]
        first = first if len(first) else filled[:1]
        n_filled, constant = n_filled + len(filled), constant and bool((filled == first).all())
    _check_rows(path, len(features), bad_rows=bad_rows, vanished_rows=vanished_rows)
    if is_trained_on:
        _check_variety(path, len(features), n_filled, constant=constant)
    return Surveyed(n_filled, fingerprint.hexdigest())


def _check_rows(path: Path, n_rows: int, *, bad_rows: list[int], vanished_rows: list[int]) -> None:
    if bad_rows:
        raise UsageError(
            f"expected finite features in {path}, got NaN, infinity or values beyond float32 in "
            f"{len(bad_rows)} of {n_rows} rows, first in row {bad_rows[0]}: "
            "remove or repair these rows, or divide all features where they are only too large"
        )
    if vanished_rows:
        raise UsageError(
            f"expected features within float32 in {path}, got only values so small that they "
            f"become 0 in {len(vanished_rows)} of {n_rows} rows, first in row "
            f"{vanished_rows[0]}: multiply all features by a large number"
        )


def _check_variety(path: Path, n_rows: int, n_filled: int, *, constant: bool) -> None:
    if n_filled < 2:
        raise UsageError(
            f"all but {n_filled} of the {n_rows} rows of features in {path} are zeros, so "
            "there is nothing to tell apart: extract the features again"
        )
    if constant:
        raise UsageError(
            f"all {n_filled} rows of features in {path} are equal, so nothing tells the "
            "images apart: extract the features again"
        )
