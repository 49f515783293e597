"""What all HDF5 files of UCLS share: a format name, a version, and how errors read."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py

from ucls.cache.files import atomic_write, reserve
from ucls.errors import UnreadableError, UsageError
from ucls.wording import cause

# Older superblocks carry no "open for writing" mark, so a killed writer's file opens again,
# and older object headers hold any number of attributes in place.
COMPATIBILITY = ("earliest", "v110")

# More than HDF5's own structures take in a file with a few hundred arrays.
ROOM_FOR_STRUCTURE = 2**20

# What h5py raises when the structures it follows are broken or not the ones expected.
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes:
        name: the ``format`` attribute.
        version: the newest version that this UCLS reads, and the one it writes.
        what: its name in messages.
        remedy: what to do to get a good one.
    """

    name: str
    version: int
    what: str
    remedy: str


def check_format(file: h5py.File, path: Path, kind: Format) -> None:
    """Checks the format name and version of an open file.

    Raises:
        UsageError: when it is another kind of file or of a newer version.
    """
    name, version = file.attrs.get("format"), file.attrs.get("version")
    if name != kind.name or version is None:
        raise UsageError(
            f"{path} is not a {kind.what}: expected format {kind.name!r}, got {name!r}; "
            "put the right file there, or name another"
        )
    if version > kind.version:
        raise UsageError(
            f"{path} has format version {version}, this UCLS reads up to {kind.version}; "
            f"upgrade UCLS, or {kind.remedy}"
        )


def open_hdf5(path: Path, kind: Format, *, locking: bool | None = None) -> h5py.File:
    """Opens a file for reading and checks its format.

    Args:
        path: the file.
        kind: its format.
        locking: whether to wait for no writer; None for what HDF5 does.

    Raises:
        UsageError: when it is missing, truncated, of another kind or of a newer version, or the
            system does not let it be read.
    """
    try:
        file = h5py.File(path, "r", locking=locking)
    except FileNotFoundError as error:
        raise UsageError(f"there is no {kind.what} at {path}; {kind.remedy}") from error
    except OSError as error:
        if reason := cause(error):
            raise UnreadableError(f"cannot read {path}: {reason}") from error
        raise UsageError(f"{path} is truncated or not an HDF5 file; {kind.remedy}") from error
    try:
        with damage_errors(path, kind):
            check_format(file, path, kind)
    except UsageError:
        file.close()
        raise
    return file


@contextmanager
def damage_errors(path: Path, kind: Format) -> Iterator[None]:
    """Turns what h5py raises on a damaged file into one clear line.

    Raises:
        UsageError: in place of anything in :data:`DAMAGE`, with the system's reason if it has one.
    """
    try:
        yield
    except DAMAGE as error:
        if reason := cause(error):
            raise UnreadableError(f"cannot read {path}: {reason}") from error
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} is damaged ({reason}); {kind.remedy}") from error


@contextmanager
def read_hdf5(path: Path, kind: Format) -> Iterator[h5py.File]:
    """Yields a checked file, open for reading.

    Raises:
        UsageError: as :func:`open_hdf5`, and when reading inside the block meets damage.
    """
    with open_hdf5(path, kind) as file, damage_errors(path, kind):
        yield file


@contextmanager
def write_hdf5(path: Path, kind: Format, *, n_bytes: int) -> Iterator[h5py.File]:
    """Yields a new file that gets its final name when the block ends without an error.

    Args:
        path: its final name.
        kind: its format.
        n_bytes: what the arrays in it will take.

    Raises:
        UclsError: when the disk does not take it.
    """
    with atomic_write(path) as partial:
        empty = io.BytesIO()
        with h5py.File(empty, "w", libver=COMPATIBILITY) as file:
            file.attrs["format"] = kind.name
            file.attrs["version"] = kind.version
        partial.write_bytes(empty.getvalue())
        reserve(partial, n_bytes + ROOM_FOR_STRUCTURE)
        with h5py.File(partial, "r+", libver=COMPATIBILITY) as file:
            yield file
