"""The neighbour graph on disk: ``neighbors.h5``."""

from pathlib import Path
from typing import Any

from ucls.cache.hdf5 import Format, read_hdf5, write_hdf5
from ucls.errors import UsageError
from ucls.graph import NeighborGraph

GRAPH_FORMAT = Format(
    "ucls-neighbors", 1, "neighbour graph", "run `ucls neighbors` with --overwrite"
)


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
        for name in ("k", "threshold", "cap", "n_capped", "backend", "exact"):
            if (value := getattr(graph, name)) is not None:
                file.attrs[name] = value


def read_graph(path: Path) -> NeighborGraph:
    """Reads and checks a graph.

    Raises:
        UsageError: when the file is missing, truncated, of another format, of a newer version,
            or its arrays do not fit together.
    """
    with read_hdf5(path, GRAPH_FORMAT) as file:
        threshold, cap = file.attrs.get("threshold"), file.attrs.get("cap")
        fields: dict[str, Any] = {
            "indptr": file["indptr"][:],
            "indices": file["indices"][:],
            "similarity": file["similarity"][:],
            "k": int(file.attrs["k"]),
            "threshold": None if threshold is None else float(threshold),
            "cap": None if cap is None else int(cap),
            "n_capped": int(file.attrs["n_capped"]),
            "backend": str(file.attrs["backend"]),
            "exact": bool(file.attrs["exact"]),
        }
    try:
        return NeighborGraph(**fields)
    except UsageError as error:
        raise UsageError(f"{path} is damaged: {error}") from error
