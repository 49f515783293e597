"""Which feature caches there are, and removing them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
from filelock import FileLock, Timeout

from ucls.cache.features.layout import FEATURE_FORMAT
from ucls.cache.features.location import cache_directory
from ucls.cache.features.parts import part_files
from ucls.cache.features.reader import FeatureCache
from ucls.cache.features.resume import leftovers
from ucls.cache.features.spec import FeatureSpec
from ucls.cache.files import partial_path, write_errors
from ucls.cache.hdf5 import DAMAGE, damage_errors, open_hdf5
from ucls.errors import UclsError, UsageError

# How the names end that `cache_file_name` gives; other files in the folder are not ours.
CACHE_NAME = re.compile(r".+-[0-9a-f]{8}\.h5")


@dataclass(frozen=True)
class CacheEntry:
    """A feature cache in a folder, finished or not.

    Attributes:
        path: its final name.
        spec: the settings it was made with; None if the file is damaged.
        n_images: images in the image set, readable or not; 0 if the file is damaged.
        n_seen: those that are done; ``n_images`` if the cache is finished.
        is_finished: whether it can be read.
        problem: what is wrong with the file; empty if nothing is.
        n_bytes: what it takes on disk, with the files beside it.
        modified: when it was last written to, in seconds since 1970.
    """

    path: Path
    spec: FeatureSpec | None
    n_images: int
    n_seen: int
    is_finished: bool
    problem: str
    n_bytes: int
    modified: float


def list_caches(folder: Path | None = None) -> list[CacheEntry]:
    """Lists the feature caches of a folder by name: finished, unfinished and damaged ones.

    Args:
        folder: see :func:`ucls.cache.cache_directory`.

    Example:
        >>> from ucls.cache import list_caches
        >>> [(cache.n_images, cache.is_finished) for cache in list_caches()]
        [(120, True)]
    """
    directory = cache_directory(folder)
    found = {*directory.glob("*.h5"), *directory.glob("*.h5.partial")}
    names = {path.name.removesuffix(".partial") for path in found}
    paths = [directory / name for name in sorted(names) if CACHE_NAME.fullmatch(name)]
    return [describe_cache(path) for path in paths if _is_own(path)]


def describe_cache(path: Path) -> CacheEntry:
    """Describes the cache ``path``, of which a finished or a ``.partial`` file is there."""
    source = path if path.exists() else partial_path(path)
    spec, n_images, n_seen, problem = None, 0, 0, ""
    try:
        spec, n_images, n_seen = _read_progress(source)
        if source == path:
            FeatureCache(path).close()
    except UclsError as error:
        problem = str(error)
    return CacheEntry(
        path=path,
        spec=spec,
        n_images=n_images,
        n_seen=n_seen,
        is_finished=source == path and not problem,
        problem=problem,
        n_bytes=sum(part.stat().st_size for part in _parts(path)),
        modified=source.stat().st_mtime,
    )


def find_cache(name: str | Path, folder: Path | None = None) -> Path:
    """Finds a feature cache, finished or not.

    Args:
        name: its path, its file name, or a beginning of the file name that no other cache has.
        folder: where to look; see :func:`ucls.cache.cache_directory`.

    Returns:
        Its final name.

    Raises:
        UsageError: if there is none, or several begin so.
    """
    directory = cache_directory(folder)
    for path in (directory / name, Path(name).expanduser()):
        if path.is_file() or partial_path(path).is_file():
            return path
    names = [entry.path.name for entry in list_caches(directory)]
    matches = [found for found in names if found.startswith(str(name))]
    if len(matches) == 1:
        return directory / matches[0]
    if matches:
        raise UsageError(
            f"{len(matches)} feature caches begin with {str(name)!r}: {', '.join(matches)}; "
            "give more of the name"
        )
    there = f"there are: {', '.join(names)}" if names else "there are none at all"
    raise UsageError(
        f"no feature cache begins with {str(name)!r} in {directory}; {there}; "
        "check the name and --cache-dir, or run `ucls extract`"
    )


def open_cache(name: str | Path, folder: Path | None = None) -> FeatureCache:
    """Opens a finished feature cache by its name; see :func:`find_cache`.

    Raises:
        UsageError: if there is no such cache, or several, or it is unfinished or damaged.

    Example:
        >>> from ucls.cache import open_cache
        >>> with open_cache("features-train") as cache:
        ...     cache.read("cls").shape, cache.labels().shape
        ((120, 8), (120,))
    """
    return FeatureCache(find_cache(name, folder))


def remove_cache(path: Path) -> int:
    """Removes a feature cache and everything beside it, finished or not.

    Returns:
        The bytes that it took on disk.

    Raises:
        UsageError: if it is a file of another kind.
        UclsError: if another process is writing it, or the file system does not allow it.
    """
    if not _is_own(path):
        raise UsageError(f"{path} is no feature cache, so it stays: name one of `ucls cache ls`")
    with write_errors(path), _locked(path):
        parts = _parts(path)
        n_bytes = sum(part.stat().st_size for part in parts)
        for part in parts:
            part.unlink()
        # While it is held: a writer that waits for it sees that the file is gone, and starts anew.
        _lock_path(path).unlink()
    return n_bytes


def _is_own(path: Path) -> bool:
    """Whether a file is a feature cache; where damage hides it, the name has to tell."""
    try:
        with h5py.File(path if path.exists() else partial_path(path), "r", locking=False) as file:
            return bool(file.attrs.get("format") == FEATURE_FORMAT.name)
    except DAMAGE:
        return CACHE_NAME.fullmatch(path.name) is not None


def _read_progress(source: Path) -> tuple[FeatureSpec, int, int]:
    """Returns the settings, the number of images, and how many of them are done."""
    # Another process may be writing the file; what is committed can be read all the same.
    with (
        open_hdf5(source, FEATURE_FORMAT, locking=False) as file,
        damage_errors(source, FEATURE_FORMAT),
    ):
        spec = FeatureSpec.from_attributes(file.attrs)
        return spec, int(file.attrs["n_images"]), int(file.attrs["n_seen"])


def _parts(path: Path) -> list[Path]:
    return [part for part in (path, *leftovers(path), *part_files(path)) if part.exists()]


def _lock_path(path: Path) -> Path:
    return Path(f"{path}.lock")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        with FileLock(_lock_path(path), timeout=0):
            yield
    except Timeout as error:
        raise UclsError(
            f"another process is writing {path}; wait for it to finish, or stop it, then run again"
        ) from error
