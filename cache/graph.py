"""The neighbour graph on disk: ``neighbors.h5``."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError
from ucls.types import NeighborGraph

GRAPH_FORMAT = Format(
    "ucls-neighbors", 1, "neighbour graph", "run `ucls neighbors` with --overwrite"
)

ROWS_PER_CHUNK = 2**14


def write_graph(path: Path, graph: NeighborGraph) -> None:
    """Writes a graph, atomically.

    Raises:
        UclsError: when the disk does not take it.
    """
    arrays = {name: getattr(graph, name) for name in ("indptr", "indices", "similarity")}
    n_bytes = sum(array.nbytes for array in arrays.values())
    with write_hdf5(path, GRAPH_FORMAT, n_bytes=n_bytes) as file:
        for name, array in arrays.items():
            file[name] = array
        for name in ("k", "threshold", "cap", "n_capped", "backend", "exact", "recall"):
            if (value := getattr(graph, name)) is not None:
                file.attrs[name] = value


def read_graph(path: Path) -> NeighborGraph:
    """Reads and checks a graph.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, GRAPH_FORMAT) as file:
        arrays = {name: file[name][:] for name in ("indptr", "indices", "similarity")}
        fields = {**arrays, **_attributes(file)}
    return _checked(path, fields)


def _attributes(file: h5py.File) -> dict[str, Any]:
    threshold, cap = file.attrs.get("threshold"), file.attrs.get("cap")
    recall = file.attrs.get("recall")
    return {
        "k": int(file.attrs["k"]),
        "threshold": None if threshold is None else float(threshold),
        "cap": None if cap is None else int(cap),
        "n_capped": int(file.attrs["n_capped"]),
        "backend": str(file.attrs["backend"]),
        "exact": bool(file.attrs["exact"]),
        "recall": None if recall is None else float(recall),
    }


def _checked(path: Path, fields: dict[str, Any]) -> NeighborGraph:
    try:
        return NeighborGraph(**fields)
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from error


def read_nearest(path: Path, nearest: int) -> NeighborGraph:
    """Reads the first neighbours of each row, in memory that the others do not count in.

    Args:
        path: the file.
        nearest: how many of each row, which holds the nearest first.

    Raises:
        UsageError: as :func:`read_graph`.
    """
    with read_hdf5(path, GRAPH_FORMAT) as file:
        indptr = file["indptr"][:]
        counts = np.minimum(np.diff(indptr), nearest)
        kept = np.concatenate([[0], np.cumsum(counts)])
        indices = np.empty(kept[-1], dtype=np.int32)
        similarity = np.empty(kept[-1], dtype=np.float16)
        for start in range(0, len(counts), ROWS_PER_CHUNK):
            stop = min(start + ROWS_PER_CHUNK, len(counts))
            rank = np.arange(indptr[start], indptr[stop]) - np.repeat(
                indptr[start:stop], np.diff(indptr[start : stop + 1])
            )
            part, target = slice(indptr[start], indptr[stop]), slice(kept[start], kept[stop])
            indices[target] = file["indices"][part][rank < nearest]
            similarity[target] = file["similarity"][part][rank < nearest]
        fields = _attributes(file)
    return _checked(path, {"indptr": kept, "indices": indices, "similarity": similarity, **fields})
