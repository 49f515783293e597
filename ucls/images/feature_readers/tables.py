"""Tables of Arrow: Parquet and Feather, with a column of vectors or one column per feature."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ucls.errors import UsageError
from ucls.images.columns import FEATURES, LABELS, OTHER_PATHS, PATH
from ucls.images.feature_readers.stored import (
    Contents,
    FeatureReader,
    StoredArray,
    named_damage,
    needed,
)

SPREAD = "f0..."
"""Stands for the columns ``f0``, ``f1`` and so on."""


class Table:
    """A table in parts, such as the row groups of a Parquet file.

    Args:
        path: of the file.
        schema: its columns.
        n_rows: of each part.
        read_part: reads some columns of a part, as a table of Arrow.
    """

    def __init__(
        self,
        path: Path,
        schema: Any,
        *,
        n_rows: Sequence[int],
        read_part: Callable[[int, tuple[str, ...]], Any],
    ) -> None:
        self.path, self.schema = path, schema
        self._starts = np.concatenate([[0], np.cumsum(n_rows, dtype=np.int64)])
        # Whoever goes through a table in smaller steps than its parts reads each only once.
        self._read_part = lru_cache(maxsize=1)(read_part)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, names: Sequence[str], rows: slice) -> Any:
        """Reads some rows of some columns, as a table of Arrow."""
        arrow = needed("pyarrow", f"{self.path.suffix} files")
        start, stop, _ = rows.indices(len(self))
        first = int(np.searchsorted(self._starts[1:], start, side="right"))
        last = int(np.searchsorted(self._starts[:-1], stop, side="left"))
        with named_damage(self.path):
            parts = [
                self._read_part(part, tuple(names)).slice(
                    max(start - int(self._starts[part]), 0),
                    max(stop - max(start, int(self._starts[part])), 0),
                )
                for part in range(first, last)
            ]
            wanted = arrow.schema([self.schema.field(name) for name in names])
            return arrow.concat_tables(parts) if parts else wanted.empty_table()


def open_parquet(path: Path) -> Table:
    """Opens a Parquet file.

    Raises:
        UsageError: if it is damaged, or pyarrow is not installed.
    """
    parquet = needed("pyarrow.parquet", "Parquet")
    with named_damage(path):
        file = parquet.ParquetFile(path)
        groups = range(file.metadata.num_row_groups)
        n_rows = [file.metadata.row_group(group).num_rows for group in groups]
    return Table(
        path,
        file.schema_arrow,
        n_rows=n_rows,
        read_part=lambda part, names: file.read_row_group(part, columns=list(names)),
    )


def open_feather(path: Path) -> Table:
    """Opens a Feather file, which is one of Arrow's.

    Raises:
        UsageError: if it is damaged, or pyarrow is not installed.
    """
    arrow = needed("pyarrow", "Feather")
    with named_damage(path):
        file = arrow.ipc.open_file(arrow.memory_map(str(path)))
        n_rows = [file.get_batch(part).num_rows for part in range(file.num_record_batches)]
    return Table(
        path,
        file.schema,
        n_rows=n_rows,
        read_part=lambda part, names: arrow.table(file.get_batch(part).select(names)),
    )


def contents_of(table: Table) -> Contents:
    """The vectors, labels and paths in a table."""
    arrow = needed("pyarrow", f"{table.path.suffix} files")
    vectors = [field.name for field in table.schema if _is_vector(arrow, field.type)]
    spread = _spread(table.schema.names)
    names = [*vectors, *([SPREAD] if spread else [])]
    usual = tuple(name for name in FEATURES if name in names)
    return Contents(
        tuple(names),
        lambda name: _stored(table, spread if name == SPREAD else [name]),
        features=usual or tuple(names),
        labels=tuple(name for name in LABELS if name in table.schema.names),
        ids=lambda: read_paths(table),
    )


def read_paths(table: Table) -> list[str] | None:
    """The column of paths of a table, if there is one without gaps."""
    arrow = needed("pyarrow", f"{table.path.suffix} files")
    names = [name for name in (PATH, *OTHER_PATHS) if name in table.schema.names]
    if not names or not arrow.types.is_string(table.schema.field(names[0]).type):
        return None
    values: list[str] = table.read(names[:1], slice(None)).column(0).to_pylist()
    return None if None in values else values


def _is_vector(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _spread(names: Sequence[str]) -> list[str]:
    """The columns ``f0``, ``f1``, ... in the order of their numbers."""
    numbers = sorted(int(name[1:]) for name in names if re.fullmatch(r"f(0|[1-9]\d*)", name))
    return [f"f{number}" for number in numbers] if numbers == list(range(len(numbers))) else []


def _stored(table: Table, names: Sequence[str]) -> StoredArray:
    arrow = needed("pyarrow", f"{table.path.suffix} files")
    kind = table.schema.field(names[0]).type
    if names[0] in LABELS and not _is_vector(arrow, kind):
        return StoredArray.held(read_labels(table, names[0]))
    if not _is_vector(arrow, kind):
        dtype = np.result_type(*(table.schema.field(n).type.to_pandas_dtype() for n in names))

        def read_spread(rows: slice) -> NDArray[Any]:
            columns = table.read(names, rows).columns
            return np.stack([column.to_numpy() for column in columns], axis=1).astype(dtype)

        return StoredArray((len(table), len(names)), dtype, read_spread)

    first = table.read(names, slice(0, 1)).column(0).to_pylist()
    width = len(first[0] or ()) if first else 0
    return StoredArray(
        (len(table), width),
        np.dtype(kind.value_type.to_pandas_dtype()),
        lambda rows: _matrix(table, names[0], rows, width=width),
    )


def _matrix(table: Table, name: str, rows: slice, *, width: int) -> NDArray[Any]:
    column = table.read([name], rows).column(0).combine_chunks()
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    uneven = np.flatnonzero(lengths != width)
    if len(uneven):
        raise UsageError(
            f"expected vectors of one length in {table.path}, got one of another length, or none, "
            f"in row {(rows.start or 0) + int(uneven[0])}: remove or repair the row"
        )
    flat: NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), width)


def read_labels(table: Table, name: str) -> NDArray[Any]:
    """A column of labels: numbers, or texts that are empty where the table has none."""
    column = table.read([name], slice(None)).column(0)
    compute = needed("pyarrow.compute", "Parquet")
    column = column.combine_chunks()
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    types = needed("pyarrow", "Parquet").types
    if types.is_integer(column.type) and not types.is_unsigned_integer(column.type):
        column = compute.fill_null(column, -1)
    elif types.is_string(column.type) or types.is_large_string(column.type):
        column = compute.fill_null(column, "")
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values


def _reader(suffix: str, kind: str, open_table: Callable[[Path], Table]) -> FeatureReader:
    return FeatureReader((suffix,), lambda path: contents_of(open_table(path)), (kind,))


PARQUET = _reader(".parquet", "a Parquet file", open_parquet)
FEATHER = _reader(".feather", "an Arrow file", open_feather)
