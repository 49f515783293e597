"""Writing a file so that its final name never shows half of it."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ucls.errors import UclsError, UsageError


def partial_path(path: Path) -> Path:
    """Returns where ``path`` lies while it is being written."""
    return path.with_name(path.name + ".partial")


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turns a failed write to ``path`` (a full disk, say) into one clear line.

    Raises:
        UclsError: in place of any OSError.
    """
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        file = next((part for part in (path, *path.parents) if part.is_file()), path)
        raise UclsError(
            f"cannot write {path}: {file} is no folder ({error.strerror}); choose another folder, "
            "then run again"
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        raise UclsError(
            f"cannot write {path}: {reason}; make room or choose another folder, then run again"
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields the ``.partial`` path to write to, and renames it to ``path`` on success.

    The folder is created when missing. On failure the partial file is removed and ``path``
    stays as it was.

    Raises:
        UsageError: when ``path`` is a folder.
        UclsError: when the disk does not take it.
    """
    with write_errors(path):
        if path.is_dir():
            raise UsageError(f"expected a file to write, got the folder {path}: add a file name")
        partial = partial_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            publish(path)
        finally:
            partial.unlink(missing_ok=True)


def publish(path: Path) -> None:
    """Gives the partial file of ``path`` its final name, once its bytes are on the disk."""
    partial = partial_path(path)
    _fsync(partial)
    partial.replace(path)
    if os.name == "posix":
        _fsync(path.parent)


def reserve(path: Path, size: int) -> None:
    """Takes disk space for ``size`` bytes of a file, so that writes up to there find room.

    HDF5 loses data or crashes when the disk is full, so it must not come to that. Does nothing
    where the system or the file system offers no such call.

    Raises:
        OSError: when there is not enough.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
                raise


def make_readable(path: Path) -> None:
    """Gives a file the rights that a new file has here, where a library made it private."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def write_json(path: Path, obj: Any) -> None:
    """Writes ``obj`` as indented JSON, atomically.

    Raises:
        UclsError: when it holds NaN or infinity, which JSON lacks, or the disk does not take it.
    """
    try:
        text = json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise UclsError(f"cannot write {path}: {error}; use null for missing figures") from error
    with atomic_write(path) as partial:
        # What is no text, in the name of a file, becomes an escape of JSON.
        partial.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_json(path: Path) -> Any:
    """Reads what :func:`write_json` wrote.

    Raises:
        UsageError: when the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; run the stage that writes it first") from error
    except ValueError as error:
        raise UsageError(
            f"{path} is not valid JSON ({error}); run the stage that writes it again"
        ) from error


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
