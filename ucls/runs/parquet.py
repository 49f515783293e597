"""Labels as Parquet, through pyarrow, which is an extra."""

from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.cache import atomic_write
from ucls.errors import UsageError
from ucls.runs.label_table import LabelTable

ROWS_AT_ONCE = 65_536
_MARK = b"ucls-labels"


def write(path: Path, table: LabelTable, count: Iterator[int]) -> None:
    r"""Writes labels; a byte of a path that is not UTF-8 is written as ``\udc80`` to ``\udcff``.

    Args:
        path: of the file.
        table: the labels.
        count: gives a number for each row that is written.

    Raises:
        UsageError: if pyarrow is not installed.
        UclsError: when the disk does not take it.
    """
    arrow, pq = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    columns = _columns(table)
    types = [
        *(_type(arrow, values) for values in columns),
        *[arrow.float32()] * len(table.share_names),
    ]
    fields = list(zip(table.columns, types, strict=True))
    schema = arrow.schema(fields, metadata={_MARK: b"1"})
    with atomic_write(path) as partial, pq.ParquetWriter(partial, schema) as writer:
        start = 0
        for shares in _parts(table):
            rows = slice(start, start + len(shares))
            parts = [*(values[rows] for values in columns), *shares.T]
            arrays = [arrow.array(part, type=kind) for part, kind in zip(parts, types, strict=True)]
            writer.write_table(arrow.table(arrays, schema=schema), row_group_size=ROWS_AT_ONCE)
            start += len(list(islice(count, len(shares))))


def is_own(path: Path, table: LabelTable) -> bool:
    """Whether a file is one that :func:`write` wrote."""
    arrow, pq = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    try:
        return _MARK in (pq.read_schema(path).metadata or {})
    except (OSError, arrow.ArrowException):
        return False


def _columns(table: LabelTable) -> list[Any]:
    labels = table.labels
    return [
        list(map(_text, labels.paths)),
        labels.splits,
        labels.clusters,
        list(map(_text, table.names())),
        labels.confidence,
        labels.probability,
        labels.found,
    ]


def _text(value: str) -> str:
    return value if value.isascii() else value.encode(errors="backslashreplace").decode()


def _type(arrow: Any, values: Any) -> Any:
    return (
        arrow.from_numpy_dtype(values.dtype) if isinstance(values, np.ndarray) else arrow.string()
    )


def _parts(table: LabelTable) -> Iterator[NDArray[np.float32]]:
    """The shares of some rows at a time, as many at once as are written; of no columns if none."""
    if table.share_names:
        yield from table.shares()
        return
    for start in range(0, len(table), ROWS_AT_ONCE):
        yield np.empty((min(ROWS_AT_ONCE, len(table) - start), 0), np.float32)


def _arrow(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            "Parquet needs the package pyarrow: pip install 'ucls[export]', or export to .csv"
        ) from error
