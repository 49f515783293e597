"""Arrays as they lie in files: which there are, and how some of their rows are read."""

import pickle
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.columns import FEATURES, LABELS
from ucls.wording import cause

NAMELESS = ""
"""The name of an array that is all that a file holds."""

_DAMAGE = (
    OSError, MemoryError, RuntimeError, TypeError, ValueError, KeyError, EOFError,
    NotImplementedError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError,
)  # fmt: skip
_PLAIN = {
    "features": "save them as an array of numbers",
    "labels": "save them as integers or as texts, such as labels.astype(str)",
}


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        shape: N rows first.
        dtype: of what is read.
        read: the rows of a slice, whose start and stop lie in 0..N or are None.
        is_divisible: whether some rows can be read without the others.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[slice], NDArray[Any]]
    is_divisible: bool = True

    @classmethod
    def held(cls, values: NDArray[Any]) -> "StoredArray":
        """An array that is in memory, or mapped into it."""
        return cls(values.shape, values.dtype, lambda rows: values[rows])


def no_ids() -> list[str] | None:
    """Of rows that have no names."""
    return None


@dataclass(frozen=True)
class Contents:
    """The arrays of a file, none of them read yet.

    Attributes:
        names: of all arrays, as ``--array`` takes them.
        array: opens one of them.
        features: names of those that are likely to be the features.
        labels: names of those that are likely to be the labels.
        ids: what the file calls its rows, N texts; None where it does not.
    """

    names: tuple[str, ...]
    array: Callable[[str], StoredArray]
    features: tuple[str, ...]
    labels: tuple[str, ...] = ()
    ids: Callable[[], list[str] | None] = no_ids

    @classmethod
    def named(
        cls, names: Iterable[str], array: Callable[[str], StoredArray], **others: Any
    ) -> "Contents":
        """Arrays of which the usual names are likely to be meant."""
        names = tuple(names)
        features = tuple(name for name in FEATURES if name in names)
        labels = tuple(name for name in LABELS if name in names)
        return cls(names, array, **{"features": features, "labels": labels} | others)

    @classmethod
    def nameless(cls, array: StoredArray) -> "Contents":
        """A single array without a name."""
        return cls((NAMELESS,), lambda _: array, (NAMELESS,))


@dataclass(frozen=True)
class FeatureReader:
    """What reads one kind of file.

    Attributes:
        suffixes: what such files are called; which they are is told by their contents.
        open: lists the arrays of a file or folder.
        kinds: of files, as :func:`ucls.images.contents.kind_of` has them.
        is_folder: whether a folder is one of these.
    """

    suffixes: tuple[str, ...]
    open: Callable[[Path], Contents]
    kinds: tuple[str, ...] = ()
    is_folder: Callable[[Path], bool] = lambda _: False


def needed(package: str, what: str) -> Any:
    """Imports a package that only some files need.

    Raises:
        UsageError: if it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise UsageError(f"{what} needs the package {name}: pip install 'ucls[files]'") from error


@contextmanager
def named_damage(what: str | Path, *others: type[Exception]) -> Iterator[None]:
    """Names what cannot be read of a file, and why.

    Args:
        what: the file, or an array in it.
        others: what a library raises of its own for damaged files.

    Raises:
        UsageError: in place of what libraries raise for files that are damaged or out of reach.
    """
    damage: tuple[type[Exception], ...] = (*_DAMAGE, *others)
    try:
        yield
    except UsageError:
        raise
    except damage as error:
        raise unreadable(what, error) from error


def unreadable(what: str | Path, error: BaseException) -> UsageError:
    """The error that says why a file, or an array in it, cannot be read."""
    text = " ".join(str(error).split())
    if isinstance(error, pickle.UnpicklingError) or any(
        sign in text for sign in ("allow_pickle", "Python objects", "weights_only")
    ):
        name = "labels" if str(what).startswith("'labels'") else "features"
        return UsageError(
            f"{what} holds Python objects (a pickle), which are never loaded: {_PLAIN[name]}"
        )
    reason = cause(error) or f"it is damaged or incomplete ({text}); save or copy it again"
    return UsageError(f"cannot read {what}: {reason}")
