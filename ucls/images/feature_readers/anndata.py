"""How AnnData lays out an annotated matrix, in HDF5 as in Zarr."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.images.columns import LABELS
from ucls.images.feature_readers.stored import Contents, StoredArray

_OBSERVATIONS, _TABLES = "obs", "obsm/"


def is_one(group: Any) -> bool:
    """Whether the root of a file is such a matrix."""
    return group.attrs.get("encoding-type") == "anndata" or {"X", "obs", "var"} <= set(group)


def contents(group: Any, names: Iterable[str], array: Callable[[str], StoredArray]) -> Contents:
    """The matrix ``X`` and all of ``obsm`` as features, labels and names out of ``obs``.

    Args:
        group: the root.
        names: the path of every array in it.
        array: opens one of them.
    """
    names = sorted(names)
    features = [name for name in names if name.startswith(_TABLES) or name == "X"]
    rows = group[_OBSERVATIONS]
    labels = [f"{_OBSERVATIONS}/{name}" for name in LABELS if name in rows]
    index = rows.attrs.get("_index", "_index")
    ids = _texts(rows[index][:]) if index in rows else None
    return Contents(
        (*names, *(name for name in labels if name not in names)),
        array,
        features=tuple(name for name in features if len(group[name].shape) == 2),
        labels=tuple(labels),
        ids=lambda: ids,
    )


def is_categorical(item: Any) -> bool:
    """Whether a column is kept as numbers of categories."""
    return item is not None and item.attrs.get("encoding-type") == "categorical"


def categories(group: Any) -> NDArray[Any]:
    """The category of each row, an empty text where there is none."""
    names = np.array([*_texts(group["categories"][:]), ""], dtype=object)
    rows: NDArray[Any] = names[group["codes"][:]]  # -1 takes the last
    return rows


def _texts(values: NDArray[Any]) -> list[str]:
    return [
        value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)
        for value in values
    ]
