"""Feature files: one vector per image, made elsewhere."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.array_fingerprint import fingerprint_array
from ucls.images.columns import FEATURES
from ucls.images.feature_checks import check_shape, survey
from ucls.images.feature_labels import encode, labels_beside
from ucls.images.feature_readers.registry import open_contents
from ucls.images.feature_readers.stored import NAMELESS, Contents, StoredArray, no_ids
from ucls.images.held_array import HeldArray

BATCH_SIZE = 1024
"""Of a feature file, which no model limits."""

_MOST_LISTED = 20


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
        notes: remarks for the user, a line each.
    """

    name: str
    split: str
    features: HeldArray
    paths: list[str]
    labels: NDArray[np.int32] | None
    class_names: tuple[str, ...]
    fingerprint: str
    location: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.features)


def load_features(path: Path, *, split: str = "train", array: str | None = None) -> FeatureArray:
    """Opens and checks a feature file.

    What is larger than :data:`ucls.images.held_array.HELD_BYTES` is read in parts, where its
    format allows that.

    Args:
        path: in a format of :data:`ucls.images.feature_readers.registry.READERS`, whatever its
            name ends in. It holds features [N, D] under one of the usual names and, if it likes,
            ``labels`` [N] of integers or strings, -1 or empty where one is not known; TURTLE's
            and TEMI's labels are found in the files beside.
        split: the split that the features belong to.
        array: what the features are called; None for one of the usual names.

    Raises:
        UsageError: if the file cannot be read, or its features are not a finite [N, D] array of
            numbers, for ``train`` varying and with N of at least 2, rows of zeros not counted, or
            its labels do not fit.
    """
    contents = open_contents(path)
    stored = _chosen(path, contents, array)
    name = path.stem or path.resolve().stem
    source, values = _find_labels(path, contents)
    return check_features(
        path,
        stored,
        name=name if array is None else f"{name}-{array.strip('/').replace('/', '-')}",
        split=split,
        labels=None if values is None else (source, values),
        ids=contents.ids,
        rows_named=name,
        location=str(path.resolve()),
        notes=() if source == path else (f"labels of {path} are those in {source}",),
    )


def check_features(
    what: Path,
    stored: StoredArray,
    *,
    name: str,
    split: str = "train",
    labels: tuple[Path, NDArray[np.generic]] | None = None,
    ids: Callable[[], list[str] | None] = no_ids,
    rows_named: str | None = None,
    location: str = "",
    notes: tuple[str, ...] = (),
) -> FeatureArray:
    """Checks features, wherever they come from.

    Args:
        what: the file, as messages name it.
        stored: the features.
        name: what the source is called.
        split: the split that the features belong to.
        labels: their file, as messages name it, and the labels; None without.
        ids: the names of the rows, if they have any.
        rows_named: what the numbers of the rows come after otherwise; None for ``name``.
        location: the resolved path of the file; empty if there is none.
        notes: remarks for the user, a line each.

    Raises:
        UsageError: as :func:`load_features`.
    """
    is_trained_on = split == "train"
    check_shape(what, stored, n_least=2 if is_trained_on else 1)
    features = HeldArray(stored)
    surveyed = survey(what, features, is_trained_on=is_trained_on)
    classes, class_names = (None, ()) if labels is None else encode(*labels, len(features))
    return FeatureArray(
        name=name,
        split=split,
        features=features,
        paths=_paths(ids(), rows_named or name, len(features)),
        labels=classes,
        class_names=class_names,
        fingerprint=_fingerprint(
            surveyed.digest, classes, class_names, n_zeros=len(features) - surveyed.n_filled
        ),
        location=location,
        notes=notes,
    )


def _chosen(path: Path, contents: Contents, wanted: str | None) -> StoredArray:
    """The array that is meant by the features."""
    if wanted is not None:
        name = wanted.strip("/")
        if name not in contents.names:
            raise UsageError(
                f"no array {wanted!r} in {path}, which holds "
                f"{_listed(contents, contents.names)}: choose one of them, or leave out --array"
            )
        return contents.array(name)
    if len(contents.features) > 1:
        raise UsageError(
            f"{len(contents.features)} arrays in {path} could be the features: "
            f"{_listed(contents, contents.features)}; choose one with --array NAME"
        )
    if not contents.features:
        names = ", ".join(FEATURES[1:])
        raise UsageError(
            f"expected an array named 'features' ({names}) in {path}, found "
            f"{_listed(contents, contents.names)}: choose one with --array NAME, or save the "
            "features under that name"
        )
    return contents.array(contents.features[0])


def _listed(contents: Contents, names: tuple[str, ...]) -> str:
    shown = [_with_shape(contents, name) for name in names[:_MOST_LISTED]]
    others = ["..."] if len(names) > _MOST_LISTED else []
    return ", ".join(shown + others) or "nothing"


def _with_shape(contents: Contents, name: str) -> str:
    if name == NAMELESS:
        return "one array without a name"
    try:
        return f"{name} {list(contents.array(name).shape)}"
    except UsageError:  # no array of numbers
        return name


def _find_labels(path: Path, contents: Contents) -> tuple[Path, NDArray[np.generic] | None]:
    """The labels, and the file that they are in."""
    if len(contents.labels) > 1:
        raise UsageError(
            f"{len(contents.labels)} arrays in {path} could be the labels: "
            f"{_listed(contents, contents.labels)}; keep one of them under such a name"
        )
    if contents.labels:
        return path, contents.array(contents.labels[0]).read(slice(None))
    beside = labels_beside(path)
    if beside is None:
        return path, None
    return beside, _chosen(beside, open_contents(beside), None).read(slice(None))


def _paths(ids: list[str] | None, name: str, n_rows: int) -> list[str]:
    """The names of the rows as the file has them, if they tell all apart, else their numbers."""
    if ids is not None and len(set(ids)) == n_rows:
        return ids
    width = len(str(n_rows - 1))
    return [f"{name}/{row:0{width}d}" for row in range(n_rows)]


def _fingerprint(
    digest: str,
    labels: NDArray[np.int32] | None,
    class_names: tuple[str, ...],
    *,
    n_zeros: int,
) -> str:
    parts = [digest]
    if labels is not None:
        parts += [fingerprint_array(labels), *class_names]
    if n_zeros:
        parts.append("rows of zeros are skipped")  # earlier versions kept them in the cache
    return (
        parts[0]
        if len(parts) == 1
        else hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
    )
