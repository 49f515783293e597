"""The labels of a feature file: their encoding, and where other projects leave them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.sets import NO_LABEL, NamedLabels, encode_labels
from ucls.wording import count


def labels_beside(path: Path) -> Path | None:
    """The file of labels that a project leaves for a file of features, if it is there.

    TEMI's scripts write ``label-test.pt`` beside ``embeddings-test.pt``, those of TURTLE
    ``labels/NAME.npy`` for ``representations/BACKBONE/NAME.npy``.
    """
    path = path.resolve()
    file = None
    if path.suffix == ".pt" and path.stem in ("embeddings", "embeddings-test"):
        file = path.with_name(path.name.replace("embeddings", "label"))
    elif path.suffix == ".npy" and path.parent.parent.name == "representations":
        file = path.parents[2] / "labels" / path.name
    return file if file is not None and file.is_file() else None


def encode(path: Path, values: NDArray[Any], n_rows: int) -> NamedLabels:
    """Maps labels of integers, whole floats or strings to 0..n_classes - 1 and their names.

    Raises:
        UsageError: if they are something else, or not one per row.
    """
    if values.shape != (n_rows,):
        raise UsageError(
            f"expected {count(n_rows, 'label')} in {path}, one per row of features, "
            f"got shape {list(values.shape)}"
        )
    if values.dtype.kind == "f" and (np.isfinite(values) & (values == np.trunc(values))).all():
        values = values.astype(np.int64)
    if values.dtype.kind in "iu":
        return _encode_numbers(path, values)
    if values.dtype.kind not in "OSU":
        raise UsageError(
            f"expected integers or strings as labels in {path}, got dtype {values.dtype}: "
            "save them as integers, with -1 where one is not known"
        )
    return encode_labels([_as_text(path, value) for value in values])


def _encode_numbers(path: Path, values: NDArray[Any]) -> NamedLabels:
    classes, labels = np.unique(values, return_inverse=True)
    if classes[0] < NO_LABEL:
        raise UsageError(
            f"expected labels of 0 or more in {path}, or -1 where one is not known, got "
            f"{classes[0]}: renumber them"
        )
    known = classes[classes != NO_LABEL]
    numbers = (labels - (len(classes) - len(known))).astype(np.int32)
    return numbers if len(known) else None, tuple(map(str, known))


def _as_text(path: Path, value: object) -> str:
    if isinstance(value, bytes):  # how HDF5 gives strings
        return value.decode("utf-8", errors="surrogateescape")
    if isinstance(value, str):
        return str(value)  # numpy has a kind of its own
    raise UsageError(
        f"expected integers or strings as labels in {path}, got {type(value).__name__}"
    )
