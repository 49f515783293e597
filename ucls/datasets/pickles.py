"""Pickles of arrays and plain values, read without running what else they may hold."""

import pickle
from pathlib import Path
from typing import Any

from ucls.datasets.arrays import require_file
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

# What numpy's arrays are made of, by the names of numpy 2.
_ALLOWED = frozenset({
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
})  # fmt: skip


class _ArrayUnpickler(pickle.Unpickler):
    """Admits arrays and the values that need no class: numbers, texts, lists, dicts."""

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) not in _ALLOWED:
            raise _ForeignObjectError(f"{module}.{name}")
        return super().find_class(module, name)


class _ForeignObjectError(Exception):
    """A pickle asks for an object that is neither an array nor a plain value."""


def read_arrays(path: Path) -> dict[bytes, Any]:
    """Reads a pickled dictionary of arrays and plain values, as Python 2 wrote them.

    Returns:
        The dictionary; texts, its keys too, are bytes.

    Raises:
        UsageError: if there is no such file, it is damaged, or it holds anything else.
    """
    try:
        with require_file(path).open("rb") as file:
            content = _ArrayUnpickler(file, encoding="bytes").load()
    except UsageError:
        raise
    except _ForeignObjectError as error:
        raise UsageError(
            f"expected arrays and plain values only in {path}, got {error}, which is never "
            "loaded: fetch the file again from a source that you trust"
        ) from error
    except Exception as error:  # damaged pickles fail in many ways
        if reason := cause(error):
            raise UnreadableError(f"cannot read {path}: {reason}") from error
        raise _damaged(path) from error
    if not isinstance(content, dict):
        raise _damaged(path)
    return content


def _damaged(path: Path) -> UsageError:
    return UsageError(f"cannot read {path}: it is damaged or incomplete; fetch it again")
