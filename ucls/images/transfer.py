"""Image files to another place, where nothing is ever overwritten."""

# pathlib takes many seconds more for a million files.
# ruff: noqa: PTH104, PTH106, PTH108, PTH113, PTH114, PTH115, PTH118, PTH120, PTH208, PTH211

import errno
import os
import shutil
from contextlib import suppress
from filecmp import cmp

from ucls.cache.files import fsync

PARTIAL = ".ucls-partial"
"""Of a file that is being copied, in the folder of its copy; no image set has hidden files."""


def link(source: str, target: str) -> None:
    """Makes a symbolic link to an absolute path.

    Raises:
        FileExistsError: if something is at ``target``.
        OSError: if the disk does not take it.
    """
    os.symlink(source, target)


def copy(source: str, target: str, *, durably: bool = False) -> None:
    """Copies a file with its times; ``target`` is never half of it.

    Args:
        source: a file, or a link to one.
        target: where nothing is.
        durably: whether the bytes shall be on the disk before the name is.

    Raises:
        FileExistsError: if something is at ``target``.
        OSError: if the disk does not take it.
    """
    partial = os.path.join(os.path.dirname(target), PARTIAL)
    try:
        shutil.copy2(source, partial)
        if durably:
            fsync(partial)
        _rename(partial, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)


def move(source: str, target: str) -> None:
    """Moves a file, also to another file system, where it is on the disk before it goes.

    Raises:
        FileExistsError: if something is at ``target``.
        OSError: if the disk does not take it.
    """
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copy(source, target, durably=True)
        fsync(os.path.dirname(target))
        os.unlink(source)


def remove_if_empty(folder: str) -> None:
    """Removes a folder in which nothing lies, but for a copy that was stopped half way."""
    with suppress(OSError):
        if os.listdir(folder) == [PARTIAL]:
            os.unlink(os.path.join(folder, PARTIAL))
        os.rmdir(folder)


def is_link_to(source: str, existing: str) -> bool:
    """Whether a link that :func:`link` would make is there."""
    return os.path.islink(existing) and os.readlink(existing) == source


def is_copy_of(source: str, existing: str) -> bool:
    """Whether a regular file holds the same bytes."""
    if os.path.islink(existing) or not os.path.isfile(existing):
        return False
    return cmp(source, existing, shallow=False)


def _rename(source: str, target: str) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
    os.rename(source, target)
