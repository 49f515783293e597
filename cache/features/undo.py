"""Taking back changes to the structure of an HDF5 file.

HDF5 changes its structures in several writes, and a kill or a full disk between two of them
breaks the file. So the old structures are copied to a file of their own first. The chunks of
the datasets stay where they are and are not copied.
"""

import json
from pathlib import Path

import h5py

from ucls.cache.files import atomic_write


def save_structure(path: Path, undo: Path) -> None:
    """Copies to ``undo`` all bytes of the closed file ``path`` that are not in its chunks."""
    size = path.stat().st_size
    spans = _spans_between(_chunk_spans(path), size)
    with atomic_write(undo) as partial, partial.open("wb") as target, path.open("rb") as source:
        target.write(json.dumps({"size": size, "spans": spans}).encode() + b"\n")
        for start, stop in spans:
            source.seek(start)
            target.write(source.read(stop - start))


def restore_structure(path: Path, undo: Path) -> None:
    """Brings ``path`` back to the structure that ``undo`` holds, then removes ``undo``."""
    with undo.open("rb") as source, path.open("r+b") as target:
        header = json.loads(source.readline())
        for start, stop in header["spans"]:
            target.seek(start)
            target.write(source.read(stop - start))
        target.truncate(header["size"])
    undo.unlink()


def _chunk_spans(path: Path) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        spans.append((chunk.byte_offset, chunk.byte_offset + chunk.size))

    with h5py.File(path, "r") as file:
        for dataset in file.values():
            dataset.id.chunk_iter(note)
    return sorted(spans)


def _spans_between(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    ends = [0, *(stop for _, stop in spans)]
    starts = [*(start for start, _ in spans), size]
    return [(start, stop) for start, stop in zip(ends, starts, strict=True) if start < stop]
