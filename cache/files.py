"""Writing a file so that its final name never shows half of it."""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ucls.errors import UclsError, UnreadableError, UsageError
from ucls.wording import cause

REWRITE = "run the stage that writes it again with --overwrite"

KINDS = {
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "symbolic link",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
}
"""What is never replaced by a file; all else that is not a regular file is a device."""


def partial_path(path: Path) -> Path:
    """Returns where a feature cache lies until it is finished, to go on with it."""
    return path.with_name(path.name + ".partial")


def temporary_path(path: Path) -> Path:
    """Returns where ``path`` lies while it is being written, under a name that no user gives."""
    return path.with_name(path.name + ".ucls-partial")


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
        remedy = "make room or choose another folder, then run again"
        reason = cause(error) or f"{' '.join(str(error).split())}; {remedy}"
        raise UclsError(f"cannot write {path}: {reason}") from error


def check_replaceable(path: Path, *, remedy: str = "choose another path") -> None:
    """Checks that there is a regular file at ``path``, or nothing.

    Raises:
        UsageError: naming what is there: a folder, a symbolic link, a named pipe, a device.
    """
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return
    if kind != stat.S_IFREG:
        remedy = "add a file name" if kind == stat.S_IFDIR else remedy
        what = KINDS.get(kind, "device")
        raise UsageError(f"expected a file to write, got the {what} {path}: {remedy}")


def check_folder(folder: Path) -> None:
    """Checks that a folder would not have to be made at the root of the disk.

    Raises:
        UsageError: if it would; a path that begins with a missing folder is a slip.
    """
    top = Path(*Path(os.path.realpath(folder)).parts[:2])
    if not top.exists():
        raise UsageError(f"there is no folder {top}: check the path {folder}, or make {top} first")


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Makes a folder with its parents, and takes away what of them is empty if the block fails.

    Raises:
        UsageError: if it would have to be made at the root of the disk.
    """
    check_folder(folder)
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for part in missing:
            with suppress(OSError):
                part.rmdir()
        raise


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to, and renames it to ``path`` on success.

    Missing folders are made. On failure the temporary file and these folders are removed, and
    ``path`` stays as it was.

    Raises:
        UsageError: when something else than a regular file is at ``path``, or its folder would
            have to be made at the root of the disk.
        UclsError: when the disk does not take it.
    """
    with write_errors(path):
        check_replaceable(path)
        temporary = temporary_path(path)
        with made_folder(path.parent):
            try:
                yield temporary
                publish(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Gives a file its final name, once its bytes are on the disk."""
    fsync(temporary)
    temporary.replace(path)
    if os.name == "posix":
        fsync(path.parent)


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
        # Bytes of a file name that are not UTF-8 become escapes, as JSON has them.
        partial.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_json(path: Path, *, remedy: str = REWRITE) -> Any:
    """Reads what :func:`write_json` wrote.

    Args:
        path: the file.
        remedy: what to do if it is no JSON.

    Raises:
        UsageError: when the file is missing, cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist; run the stage that writes it first") from error
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error)}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not valid JSON ({error}); {remedy}") from error


def fsync(path: str | Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
