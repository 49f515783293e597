"""What all HDF5 files of UCLS share: a format name, a version, and how errors read."""

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

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


CHECKSUM = "checksum"
"""The attribute with that of the whole file; older files have none."""
BYTES_AT_ONCE = 2**24


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
        UsageError: as :func:`open_hdf5`, when its content is another than was written, and when
            reading inside the block meets damage.
    """
    with open_hdf5(path, kind) as file, damage_errors(path, kind):
        yield file
        written = file.attrs.get(CHECKSUM)
        if written is not None and written != content_checksum(file):
            raise ValueError("its content has changed since it was written")


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
        with _opened_to_write(partial) as file:
            yield file
            file.attrs[CHECKSUM] = content_checksum(file)


@contextmanager
def _opened_to_write(path: Path) -> Iterator[h5py.File]:
    """Yields a file whose values go to the disk at once.

    What HDF5 keeps back is written where a dataset is let go, and h5py only prints what fails then.

    Raises:
        OSError: when the disk does not take it.
    """
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_V110)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    access.set_sieve_buf_size(0)
    try:
        with h5py.File(h5py.h5f.open(os.fsencode(path), h5py.h5f.ACC_RDWR, access)) as file:
            yield file
    except RuntimeError as error:  # of the closing
        raise OSError(str(error)) from error


def content_checksum(file: h5py.File) -> str:
    """CRC-32 of the names, attributes, shapes, types and values of all that a file holds."""
    crc = _attributes_checksum(file, 0)

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal crc
        crc = _attributes_checksum(item, zlib.crc32(name.encode(errors="surrogateescape"), crc))
        if isinstance(item, h5py.Dataset):
            crc = _values_checksum(item, crc)

    # In the order of their names, as some linked twice are met once.
    file.visititems(add)
    return f"{crc:08x}"


def _attributes_checksum(item: h5py.Group | h5py.Dataset, crc: int) -> int:
    names = sorted(name for name in item.attrs if name != CHECKSUM)
    told = [(name, np.asarray(item.attrs[name]).tolist()) for name in names]
    return zlib.crc32(repr(told).encode(errors="surrogateescape"), crc)


def _values_checksum(item: h5py.Dataset, crc: int) -> int:
    """Of a dataset, read in parts, so that it need not fit into memory."""
    crc = zlib.crc32(f"{item.shape} {item.dtype}".encode(), crc)
    if not item.shape:
        return zlib.crc32(repr(np.asarray(item[()]).tolist()).encode(), crc)
    if item.size:
        n_rows = max(1, BYTES_AT_ONCE * len(item) // max(1, item.nbytes))
        for start in range(0, len(item), n_rows):
            values = item[start : start + n_rows]
            has_bytes = values.dtype.hasobject
            crc = zlib.crc32(repr(values.tolist()).encode() if has_bytes else values.tobytes(), crc)
    return crc
