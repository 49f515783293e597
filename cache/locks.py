"""A lock on a folder that one process at a time may work in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ucls.errors import UclsError

PATIENCE = 1.0
"""Seconds in which the system ends what a killed process leaves, such as its workers."""


@contextmanager
def folder_lock(folder: Path, name: str) -> Iterator[None]:
    """Keeps other processes from writing to a folder.

    Args:
        folder: which is there.
        name: of the lock file in it.

    Raises:
        UclsError: if another process is at work in the folder.
    """
    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout as error:
        raise UclsError(
            f"another process is working in {folder}; wait for it, or choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()
