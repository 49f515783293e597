"""Compressed archives, unpacked once beside the feature caches: gzip has no places to go to."""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from ucls.cache import cache_directory
from ucls.cache.files import atomic_write, made_folder, write_errors
from ucls.errors import UclsError, UnreadableError, UsageError
from ucls.wording import cause

TAR = ".tar"
COMPRESSED = (".tar.gz", ".tgz")
FOLDER = "unpacked"
KEPT_FREE = 2**28
"""Bytes that are left to others on the disk."""
_AT_ONCE = 2**20


def is_archive(name: str) -> bool:
    """Whether a file of this name holds files, compressed or not."""
    return name.lower().endswith((TAR, *COMPRESSED))


def archive_stem(name: str) -> str:
    """The name of an archive without what its kind is told by."""
    suffix = next((end for end in (TAR, *COMPRESSED) if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)]


def plain_archive(path: Path) -> Path:
    """An archive from any place of which can be read: itself, or what it is unpacked to.

    That lies in the folder of the feature caches, for as long as the archive stays as it is. Where
    it is removed it is made again.

    Raises:
        UsageError: if it is no gzip file, damaged, or cannot be read.
        UclsError: if it would fill the disk, as few bytes can stand for very many.
    """
    if not path.name.lower().endswith(COMPRESSED):
        return path
    place, stamp = _digest(str(path)), path.stat()
    folder, stem = cache_directory() / FOLDER, archive_stem(path.name)
    target = folder / f"{stem}-{place}-{_digest(stamp.st_size, stamp.st_mtime_ns)}{TAR}"
    with write_errors(target), made_folder(folder), FileLock(folder / f"{stem}-{place}.lock"):
        if not target.is_file():
            with atomic_write(target) as temporary, temporary.open("wb") as file:
                for content in _unpack(path):
                    _check_room(path, folder)
                    file.write(content)
            for older in set(folder.glob(f"*-{place}-*{TAR}")) - {target}:
                older.unlink()
    return target


def _check_room(path: Path, folder: Path) -> None:
    if shutil.disk_usage(folder).free < KEPT_FREE:
        raise UclsError(
            f"{path} takes more room than there is in {folder}, as {KEPT_FREE / 1e9:.1f} GB of the "
            "disk stay free: make room, choose another folder with $UCLS_CACHE, or give a plain "
            ".tar"
        )


def _unpack(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as file:
            while content := file.read(_AT_ONCE):
                yield content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(
            f"cannot read {path} as a compressed archive ({error}): it is damaged or incomplete; "
            "copy it again"
        ) from error
    except OSError as error:
        raise UnreadableError(f"cannot read {path}: {cause(error) or error}") from error


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:8]
