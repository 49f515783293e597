"""Trained weights on disk, as safetensors: never pickle."""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ucls.cache.files import REWRITE, atomic_write
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

METADATA = "ucls"
"""The one entry of a file's metadata: a JSON object of strings. The library would write several in
any order."""
CHECKSUM = "crc32"
"""Among them, of the others and of all tensors."""

Tensors = dict[str, NDArray[Any]]


def write_tensors(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    """Writes named arrays and named strings, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    told = json.dumps({**metadata, CHECKSUM: _checksum(tensors, metadata)}, sort_keys=True)
    # The library's own way to a file leaves one of a random name behind where it is killed.
    content = save({name: _in_order(one) for name, one in tensors.items()}, {METADATA: told})
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def read_tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Reads what :func:`write_tensors` wrote.

    Raises:
        UsageError: when the file is missing, is not safetensors, or holds something else than was
            written.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata, written = _metadata(file)
    if written is not None and written != _checksum(tensors, metadata):
        raise UsageError(
            f"{path} is damaged (its content has changed since it was written); {REWRITE}"
        )
    return tensors, metadata


def read_tensor_metadata(path: Path) -> dict[str, str]:
    """Reads the named strings alone, with the errors of :func:`read_tensors`."""
    with _opened(path) as file:
        return _metadata(file)[0]


def _metadata(file: Any) -> tuple[dict[str, str], str | None]:
    """The named strings, and the checksum; files of before have none."""
    found: dict[str, str] = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    return found, found.pop(CHECKSUM, None)


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


def _checksum(tensors: Tensors, metadata: dict[str, str]) -> str:
    """CRC-32 of the named strings and of the names, shapes and bytes of all tensors, by name."""
    crc = zlib.crc32(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        array = _in_order(tensors[name])
        crc = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.data, crc) if array.size else crc
    return f"{crc:08x}"


def _in_order(array: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(array, order="C")
