"""Trained weights on disk, as safetensors: never pickle."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ucls.cache.files import REWRITE, atomic_write, make_readable
from ucls.errors import UclsError, UnreadableError, UsageError
from ucls.wording import cause

METADATA = "ucls"
"""The one entry of a file's metadata: a JSON object of strings."""


def write_tensors(path: Path, tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> None:
    """Writes named arrays and named strings, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    # Several entries would be written in random order, and equal runs differ in their bytes.
    entry = {METADATA: json.dumps(metadata, sort_keys=True)}
    # safetensors writes the memory as it lies, whatever the strides say.
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    with atomic_write(path) as partial:
        try:
            save_file(contiguous, partial, metadata=entry)
            make_readable(partial)
        except SafetensorError as error:
            raise UclsError(
                f"cannot write {path}: {error}; make room or choose another folder, then run again"
            ) from error


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Reads what :func:`write_tensors` wrote.

    Raises:
        UsageError: when the file is missing or is not safetensors.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, _metadata(file)  # noqa: SIM118


def read_tensor_metadata(path: Path) -> dict[str, str]:
    """Reads the named strings alone, with the errors of :func:`read_tensors`."""
    with _opened(path) as file:
        return _metadata(file)


def _metadata(file: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    return found


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; run the stage that writes it first") from error
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error
    except (SafetensorError, ValueError) as error:
        raise UsageError(
            f"{path} is truncated or not a safetensors file ({error}); {REWRITE}"
        ) from error
